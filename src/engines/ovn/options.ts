/** What this engine reads in the `options` of networks and NICs. The file's own checks come first; these are for types. */
import { z } from 'zod';
import type { Problem } from '../../errors.js';
import type { SourceLocation } from '../../spec/source-location.js';
import type { Network, Nic } from '../../topology/topology.js';
import { RATE_PATTERN } from '../open-vswitch/rates.js';

const rate = z.string().regex(RATE_PATTERN);

const networkShape = z.object({
  /** VLAN of a `bridge` network in the hosts' network. */
  vlan: z.number().int().min(1).max(4094).optional(),
  /** The datapath that the integration bridge has; `auto`: the kernel's where it has one, otherwise the userspace one. */
  datapath: z.enum(['auto', 'system', 'netdev']).optional(),
});

const nicShape = z.object({
  attach: z.enum(['tap', 'netns', 'macvtap']).optional(),
  /** Named network namespace of a NIC attached by `netns`; left out: one of ours, named after the machine. */
  netns: z.string().optional(),
  /** User who may open the tap. */
  owner: z.string().optional(),
  /** Most that the machine may send, and is sent. */
  'rate-limit': rate.optional(),
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

export function optionProblems(networks: readonly Network[], nics: readonly Nic[]): Problem[] {
  return [
    ...networks.flatMap(({ name, options, source }) =>
      problemsOf(networkShape.safeParse(options), `network ${name}`, source),
    ),
    ...nics.flatMap(({ id, options, source }) =>
      problemsOf(nicShape.safeParse(options), `NIC ${id}`, source),
    ),
  ];
}

function problemsOf(result: z.ZodSafeParseResult<unknown>, subject: string, at: SourceLocation): Problem[] {
  return (result.error?.issues ?? []).map((issue) => ({
    code: 'ovn/bad-option',
    message: `${subject}: ${issue.path.join('.')}: ${issue.message}`,
    at,
  }));
}
