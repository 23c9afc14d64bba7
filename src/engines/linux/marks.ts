/**
 * The mark of ownership on a link: an alternative name (ip-link(8)), which the kernel keeps unique in a namespace, and
 * which a person sees in `ip link`. Namespaces carry theirs as name.
 */
export type Mark =
  | { readonly kind: 'bridge'; readonly network: string }
  | { readonly kind: 'server'; readonly network: string }
  /** The host's own NIC, for as long as it is in a bridge of ours. */
  | { readonly kind: 'uplink'; readonly network: string }
  | { readonly kind: 'nic'; readonly machine: string; readonly index: number };

const PREFIX = 'passerelle';

export function formatMark(project: string, mark: Mark): string {
  const head = `${PREFIX}:${project}:${mark.kind}`;
  return mark.kind === 'nic' ? `${head}:${mark.machine}:${mark.index}` : `${head}:${mark.network}`;
}

/** The mark among a link's alternative names, when it is of this project. */
export function markOf(project: string, altnames: readonly string[]): Mark | undefined {
  for (const altname of altnames) {
    const [prefix, owner, kind, name, index] = altname.split(':');
    if (prefix !== PREFIX || owner !== project || name === undefined) continue;
    if (kind === 'bridge' || kind === 'server' || kind === 'uplink') return { kind, network: name };
    if (kind === 'nic' && index !== undefined) return { kind, machine: name, index: Number(index) };
  }
  return undefined;
}

/** Namespace of an isolated network's server, or of a machine that is a namespace. */
export function namespaceName(project: string, kind: 'server' | 'machine', name: string): string {
  return `${PREFIX}:${project}:${kind}:${name}`;
}

/** Whether it is one of this engine's: others have namespaces of the same project, of other kinds. */
export function isOurNamespace(project: string, name: string): boolean {
  const [prefix, owner, kind] = name.split(':');
  return prefix === PREFIX && owner === project && (kind === 'server' || kind === 'machine');
}
