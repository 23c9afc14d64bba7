/** What this engine reads in the `options` of networks and NICs. The file's own checks come first; these are for types. */
import { z } from 'zod';
import type { Problem } from '../../errors.js';
import { BOND_MODES, LACP_ROLES } from '../../spec/vocabulary.js';
import type { SourceLocation } from '../../spec/source-location.js';
import type { Network, Nic } from '../../topology/topology.js';
import { RATE_PATTERN } from '../open-vswitch/rates.js';

const vlan = z.number().int().min(1).max(4094);
const rate = z.string().regex(RATE_PATTERN);

const networkShape = z.object({
  /** VLAN of the network on its uplink; NICs that name none are in it. */
  vlan: vlan.optional(),
  /** Several NICs as one uplink. */
  bond: z
    .object({ members: z.array(z.string()).min(2), mode: z.enum(BOND_MODES), lacp: z.enum(LACP_ROLES) })
    .optional(),
  stp: z.boolean().optional(),
  rstp: z.boolean().optional(),
  'multicast-snooping': z.boolean().optional(),
  /** `auto`: the kernel's where it has one, otherwise the userspace one. */
  datapath: z.enum(['auto', 'system', 'netdev']).optional(),
  /** What the bridge does without flows, as after a restart of ovs-vswitchd: nothing, or switch unguarded. */
  'fail-mode': z.enum(['secure', 'standalone']).optional(),
  /** An OpenFlow controller that has the say: `tcp:192.0.2.1:6653`. */
  controller: z.string().optional(),
  /** Collectors of flow records, `ADDRESS:PORT`. */
  sflow: z.string().optional(),
  netflow: z.string().optional(),
  ipfix: z.string().optional(),
  /** Tunnels are encrypted, by the key in this file. */
  ipsec: z.object({ 'psk-file': z.string() }).optional(),
  /** NIC that is sent a copy of what the network carries. */
  mirror: z.string().optional(),
  /** One packet of so many is looked at. */
  sampling: z.number().int().positive().optional(),
});

const nicShape = z.object({
  attach: z.enum(['tap', 'netns', 'macvtap']).optional(),
  /** Named network namespace of a NIC attached by `netns`; left out: one of ours, named after the machine. */
  netns: z.string().optional(),
  /** User who may open the tap. */
  owner: z.string().optional(),
  /** Access port of this VLAN; with `trunk`, the native VLAN. */
  vlan: vlan.optional(),
  /** VLANs the machine gets and sends tagged. */
  trunk: z.array(vlan).optional(),
  /** The machine's own VLANs travel inside `vlan` (IEEE 802.1ad, QinQ). */
  qinq: z.boolean().optional(),
  /** Cannot reach other isolated NICs of the network, only the rest. */
  isolated: z.boolean().optional(),
  /** NIC that is sent a copy of what this one carries. */
  mirror: z.string().optional(),
  /** Most that the machine may send. */
  'rate-limit': rate.optional(),
  /** Most that the machine is sent. */
  'rate-limit-in': rate.optional(),
});

export type NetworkOptions = z.infer<typeof networkShape>;
export type NicOptions = z.infer<typeof nicShape>;

/** @throws Error when `optionProblems` was not asked first. */
export function networkOptions(network: Pick<Network, 'options'>): NetworkOptions {
  return networkShape.parse(network.options);
}

/** @throws Error when `optionProblems` was not asked first. */
export function nicOptions(nic: Pick<Nic, 'options'>): NicOptions {
  return nicShape.parse(nic.options);
}

export function networkOptionProblems(network: Network): Problem[] {
  return problemsOf(networkShape.safeParse(network.options), `network ${network.name}`, network.source);
}

export function nicOptionProblems(nic: Nic): Problem[] {
  return problemsOf(nicShape.safeParse(nic.options), `NIC ${nic.id}`, nic.source);
}

function problemsOf(result: z.ZodSafeParseResult<unknown>, subject: string, at: SourceLocation): Problem[] {
  return (result.error?.issues ?? []).map((issue) => ({
    code: 'ovs/bad-option',
    message: `${subject}: ${issue.path.join('.')}: ${issue.message}`,
    at,
  }));
}
