/**
 * Alternative names of links that say which project they are of. Each engine has its own marks; these are what they have
 * in common, so that a project which moves from one engine to another finds its own names free.
 */
import { createHash } from 'node:crypto';

/** `passerelle.ovs.3f2a9c01.`: short, since the kernel takes 127 characters and two labels alone may have 126. */
export function shortMarkPrefix(project: string, kind: string): string {
  return `passerelle.${kind}.${createHash('sha256').update(project).digest('hex').slice(0, 8)}.`;
}

/** Whether a link bears the mark of any engine of this project. */
export function isOfProject(project: string, alternativeNames: readonly string[]): boolean {
  const [, , digest] = shortMarkPrefix(project, 'any').split('.');
  return alternativeNames.some((name) => {
    const [prefix, , owner] = name.split('.');
    return name.startsWith(`passerelle:${project}:`) || (prefix === 'passerelle' && owner === digest);
  });
}
