/**
 * The mark of ownership on a link: an alternative name (ip-link(8)), which the kernel keeps unique in a namespace, and
 * which a person sees in `ip link`. Namespaces carry theirs as name.
 */
export type Mark =
  | { readonly kind: 'bridge'; readonly network: string }
  | { readonly kind: 'server'; readonly network: string }
  /** The segment's port to other hosts. */
  | { readonly kind: 'tunnel'; readonly network: string }
  /** The host's own NIC, for as long as it is in a bridge of ours. */
  | { readonly kind: 'uplink'; readonly network: string }
  /** The same two where the host's own configuration has made the bridge: only the mark is ours. */
  | { readonly kind: 'host-bridge'; readonly network: string }
  | { readonly kind: 'host-uplink'; readonly network: string }
  | { readonly kind: 'nic'; readonly machine: string; readonly index: number };

const PREFIX = 'passerelle';
const NETWORK_KINDS = ['bridge', 'server', 'tunnel', 'uplink', 'host-bridge', 'host-uplink'] as const;

export function formatMark(project: string, mark: Mark): string {
  const head = `${PREFIX}:${project}:${mark.kind}`;
  return mark.kind === 'nic' ? `${head}:${mark.machine}:${mark.index}` : `${head}:${mark.network}`;
}

/** The mark among a link's alternative names, when it is of this project. */
export function markOf(project: string, altnames: readonly string[]): Mark | undefined {
  for (const altname of altnames) {
    const [prefix, owner, kind, name, index] = altname.split(':');
    if (prefix !== PREFIX || owner !== project || name === undefined) continue;
    const ofNetwork = NETWORK_KINDS.find((known) => known === kind);
    if (ofNetwork !== undefined) return { kind: ofNetwork, network: name };
    if (kind === 'nic' && index !== undefined) return { kind, machine: name, index: Number(index) };
  }
  return undefined;
}

/** Of the segment's bridge, whoever made it. */
export function isBridgeMark(mark: Mark): mark is Mark & { readonly kind: 'bridge' | 'host-bridge' } {
  return mark.kind === 'bridge' || mark.kind === 'host-bridge';
}

/** Of the NIC that is the uplink, whoever made it a port. */
export function isUplinkMark(mark: Mark): mark is Mark & { readonly kind: 'uplink' | 'host-uplink' } {
  return mark.kind === 'uplink' || mark.kind === 'host-uplink';
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
