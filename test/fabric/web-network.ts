/** A network with DHCP and a machine on it, for tests of what serves it. */
import type { FabricNetwork, FabricPort } from '../../src/fabric/control/protocol.js';

export const web: FabricNetwork = {
  name: 'web',
  mode: 'nat',
  mtuBytes: 1500,
  gatewayMac: '52:54:00:00:00:01',
  hostLoopback: false,
  ipv4: { address: '10.10.10.0', prefixLength: 24, gateway: '10.10.10.1' },
  dhcp: { rangeFirst: '10.10.10.100', rangeLast: '10.10.10.109', leaseSeconds: 3600 },
  dns: { domain: 'shop.internal', upstream: [] },
};

/** The MAC of `web1`, and one that no port has. */
export const WEB1 = 0x5254_00aa_bb01;
export const STRANGER = 0x5254_0000_0099;

export const web1: FabricPort = {
  id: 'web1/0',
  network: 'web',
  machine: 'web1',
  mac: '52:54:00:aa:bb:01',
  ipv4: '10.10.10.11',
  antiSpoofing: true,
  socketPath: '/nowhere',
};
