/** Keys of the file that this engine reads beyond the common ones. Pure. */
import type { Network, Nic } from '../../topology/topology.js';

export type Attachment = 'tap' | 'netns' | 'macvtap';

export interface NicOptions {
  readonly attach: Attachment;
  /** User who may open the tap; null: root only. */
  readonly owner: string | null;
  /** Pairs of queues of a tap. */
  readonly queues: number;
  /** Named network namespace of a NIC attached by `netns`; null: one of ours, named after the machine. */
  readonly namespace: string | null;
  /** Most that the machine may send, in bits a second; null: unlimited. */
  readonly rateLimitBps: number | null;
}

export function nicOptions(nic: Nic): NicOptions {
  const { options } = nic;
  const attach = options['attach'];
  return {
    attach: attach === 'netns' || attach === 'macvtap' ? attach : 'tap',
    owner: typeof options['owner'] === 'string' ? options['owner'] : null,
    queues: typeof options['queues'] === 'number' ? options['queues'] : 1,
    namespace: typeof options['netns'] === 'string' ? options['netns'] : null,
    rateLimitBps: rateOf(options['rate-limit']),
  };
}

export function speaksStp(network: Network): boolean {
  return network.options['stp'] === true;
}

const UNITS: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, g: 1e9 };

/** `100mbit`, as the file says it, or bits a second when the reader has turned it into a number. */
function rateOf(value: unknown): number | null {
  if (typeof value === 'number') return value;
  const [, digits, unit] = typeof value === 'string' ? (/^(\d+)([kmg])bit$/.exec(value) ?? []) : [];
  return digits === undefined || unit === undefined ? null : Number(digits) * (UNITS[unit] ?? 1);
}
