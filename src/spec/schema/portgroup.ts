import type { z } from 'zod';
import { nicOptionShape } from './engine-options.js';
import { flag, key, mapping, named } from './kinds.js';

export const antiSpoofing = key(flag().optional(), {
  about: "Only the NIC's own MAC and IP addresses may leave it.",
  byDefault: 'true',
  example: false,
});

const portgroupShape = {
  vlan: nicOptionShape.vlan,
  trunk: nicOptionShape.trunk,
  qinq: nicOptionShape.qinq,
  isolated: nicOptionShape.isolated,
  'rate-limit': nicOptionShape['rate-limit'],
  'rate-limit-in': nicOptionShape['rate-limit-in'],
  mirror: nicOptionShape.mirror,
  'anti-spoofing': antiSpoofing,
};

const portgroup = mapping(portgroupShape, '{ vlan: 42 }');
export type WrittenPortgroup = z.output<typeof portgroup>;

export const portgroups = key(named(portgroup, 'settings of a NIC').optional(), {
  about: 'Settings that NICs of the network share, by name; a NIC takes one over with `portgroup`.',
  byDefault: 'none',
  example: { desks: { vlan: 10, 'rate-limit': '100mbit' } },
});
