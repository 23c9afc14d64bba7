/**
 * What the engines that plug machines into Open vSwitch have in common: whose a device or a namespace is, by names that
 * hold the project and the engine. So the two never take one another's for their own. Pure.
 */
import { shortMarkPrefix } from '../project-marks.js';

export interface Owner {
  readonly project: string;
  /** The engine's name. */
  readonly provider: string;
}

/**
 * An alternative name of a tap, `passerelle.ovs.3f2a9c01.web1.0` (labels hold no dots). The project is a hash in it:
 * the kernel takes 127 characters, and two labels alone may have 126.
 */
export function tapMark(owner: Owner, nicId: string): string {
  return `${tapMarkPrefix(owner)}${nicId.replaceAll('/', '.')}`;
}

function tapMarkPrefix({ project, provider }: Owner): string {
  return shortMarkPrefix(project, provider);
}

/** An alternative name of a network's device on the host, for engines that know nothing of OVSDB. */
export function segmentMark({ project, provider }: Owner, network: string): string {
  return `${shortMarkPrefix(project, `${provider}-bridge`)}${network}`;
}

/** The NIC that a tap is for; `undefined` when none of its alternative names is our mark. */
export function markedNic(owner: Owner, alternativeNames: readonly string[]): string | undefined {
  const prefix = tapMarkPrefix(owner);
  const mark = alternativeNames.find((name) => name.startsWith(prefix));
  return mark?.slice(prefix.length).replaceAll('.', '/');
}

/** Named namespace of an isolated network's server, or of a machine that is one (ip-netns(8)). */
export function namespaceName(owner: Owner, kind: 'server' | 'machine', name: string): string {
  return `${namespacePrefix(owner)}${kind}:${name}`;
}

export function isOurNamespace(owner: Owner, name: string): boolean {
  return name.startsWith(namespacePrefix(owner));
}

function namespacePrefix({ project, provider }: Owner): string {
  return `passerelle:${project}:${provider}-`;
}

/** The name in an id: `web1/0` of `ovs/port/web1/0`. */
export function nameOf(id: string): string {
  return id.split('/').slice(2).join('/');
}

/** `web1` of `web1/0`. */
export function machineOf(nicId: string): string {
  return nicId.split('/')[0] ?? nicId;
}
