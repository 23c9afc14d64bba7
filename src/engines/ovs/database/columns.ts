/** Properties of bridges and ports as columns of OVSDB, and the columns that this engine needs. Pure. */
import {
  map,
  namedUuid,
  optional,
  set,
  uuidName,
  type WrittenMap,
  type WrittenRow,
} from '../../../clients/ovsdb/notation.js';
import type { Needs } from '../../../clients/ovsdb/schema.js';
import type { BridgeProperties, PortProperties } from '../resources.js';

/** Tables and columns that this engine reads and writes. */
export const SCHEMA_NEEDS = {
  Open_vSwitch: ['bridges', 'next_cfg', 'cur_cfg', 'other_config', 'datapath_types', 'ovs_version'],
  Bridge: [
    'name',
    'ports',
    'datapath_type',
    'datapath_id',
    'fail_mode',
    'stp_enable',
    'rstp_enable',
    'mcast_snooping_enable',
    'controller',
    'mirrors',
    'sflow',
    'netflow',
    'ipfix',
    'other_config',
    'external_ids',
  ],
  Port: [
    'name',
    'interfaces',
    'tag',
    'trunks',
    'vlan_mode',
    'cvlans',
    'protected',
    'bond_mode',
    'lacp',
    'qos',
    'other_config',
    'external_ids',
  ],
  Interface: [
    'name',
    'type',
    'mtu_request',
    'ofport',
    'error',
    'options',
    'lacp_current',
    'external_ids',
    'statistics',
  ],
  QoS: ['type', 'other_config', 'external_ids'],
  Controller: ['target'],
  sFlow: ['targets', 'sampling', 'external_ids'],
  NetFlow: ['targets', 'external_ids'],
  IPFIX: ['targets', 'sampling', 'external_ids'],
  Mirror: ['name', 'select_all', 'select_src_port', 'select_dst_port', 'output_port', 'external_ids'],
} as const satisfies Needs;

/** Name of a controller's row within the transaction that makes it. */
export function controllerRow(bridge: BridgeProperties, index: number): string {
  return uuidName(`controller${index}`, bridge.device);
}

export function bridgeColumns(bridge: BridgeProperties): WrittenRow {
  return {
    fail_mode: bridge.failMode,
    stp_enable: bridge.stp,
    rstp_enable: bridge.rstp,
    mcast_snooping_enable: bridge.multicastSnooping,
    controller: set(bridge.controllers.map((_, index) => namedUuid(controllerRow(bridge, index)))),
  };
}

export function bridgeConfig(bridge: BridgeProperties): Record<string, string | undefined> {
  // In-band control would open the bridge to the controller behind our flows.
  return { hwaddr: bridge.mac ?? undefined, 'disable-in-band': 'true' };
}

export function portColumns(port: PortProperties): WrittenRow {
  const isQinq = port.vlanMode === 'dot1q-tunnel';
  return {
    tag: optional(port.tag),
    trunks: set(isQinq ? [] : (port.trunks ?? [])),
    cvlans: set(isQinq ? (port.trunks ?? []) : []),
    vlan_mode: optional(port.vlanMode),
    protected: port.isIsolated,
    other_config: map(portConfig(port)),
  };
}

export function portConfig(port: PortProperties): Record<string, string | undefined> {
  return {
    'qinq-ethtype': port.vlanMode === 'dot1q-tunnel' ? '802.1ad' : undefined,
  };
}

export function qosConfig(maxRateBps: number): WrittenMap {
  return map({ 'max-rate': String(maxRateBps) });
}
