/** Properties as columns of the northbound database (ovn-nb(5)), and the columns that this engine needs. Pure. */
import { map, optional, set, type WrittenRow } from '../../../clients/ovsdb/notation.js';
import type { Needs } from '../../../clients/ovsdb/schema.js';
import { quoted } from '../dhcp.js';
import type { DhcpOptionsProperties, LimitProperties, LogicalPortProperties } from '../resources.js';

export const NORTHBOUND_NEEDS = {
  NB_Global: ['nb_cfg', 'sb_cfg', 'hv_cfg'],
  Logical_Switch: ['name', 'ports', 'qos_rules', 'external_ids'],
  Logical_Switch_Port: [
    'name',
    'type',
    'addresses',
    'port_security',
    'dhcpv4_options',
    'options',
    'tag_request',
    'up',
    'external_ids',
  ],
  DHCP_Options: ['cidr', 'options', 'external_ids'],
  Port_Group: ['name', 'ports', 'acls', 'external_ids'],
  QoS: ['direction', 'priority', 'match', 'bandwidth', 'external_ids'],
  ACL: ['direction', 'priority', 'match', 'action', 'external_ids'],
} as const satisfies Needs;

export const SOUTHBOUND_NEEDS = {
  Chassis: ['name', 'hostname', 'encaps'],
  Chassis_Private: ['name', 'nb_cfg'],
} as const satisfies Needs;

/** Key of a logical port's `options` that says which chassis may have it. */
export const CHASSIS_OPTION = 'requested-chassis';

export function dhcpColumns({ cidr, options }: DhcpOptionsProperties): WrittenRow {
  return { cidr, options: map(options) };
}

/** Without its DHCP options, which are a reference. @param chassis the one that makes the port its own. */
export function logicalPortColumns(port: LogicalPortProperties, chassis: string): WrittenRow {
  return {
    name: port.name,
    type: port.type,
    addresses: set(port.addresses),
    port_security: set(port.portSecurity),
    tag_request: optional(port.tag),
    options: map({
      [CHASSIS_OPTION]: port.isPinned ? chassis : undefined,
      hostname: port.hostname === undefined ? undefined : quoted(port.hostname),
      network_name: port.physicalNetwork,
    }),
  };
}

/** Of limits there is one a port and direction: they never meet. */
const LIMIT_PRIORITY = 1000;

export function limitColumns({ direction, match, rateKbps, burstKbits }: LimitProperties): WrittenRow {
  const bandwidth = map({ rate: rateKbps, burst: burstKbits });
  return { direction, priority: LIMIT_PRIORITY, match, bandwidth };
}

/** One ACL of a guard. @param rule `PRIORITY ACTION MATCH` */
export function aclColumns(rule: string): WrittenRow {
  const [, priority = '0', action = 'drop', match = ''] = /^(\d+) (\S+) (.*)$/su.exec(rule) ?? [];
  return { direction: 'from-lport', priority: Number(priority), action, match };
}

/** The same the other way. */
export function ruleText(priority: number, action: string, match: string): string {
  return `${priority} ${action} ${match}`;
}
