/** Addresses and routes as most tools want them told. Pure. */
import type { HostBridge, HostRoute } from '../engines/contract.js';

export function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}

export function addressesOf(bridge: HostBridge, family: 4 | 6): string[] {
  return bridge.addresses.filter((address) => familyOf(address) === family);
}

export function routesOf(bridge: HostBridge, family: 4 | 6): HostRoute[] {
  return bridge.routes.filter((route) => route.family === family);
}

/** `10.0.0.0/8`, with the default route written as a block. */
export function blockOf({ destination, family }: HostRoute): string {
  return destination === 'default' ? (family === 4 ? '0.0.0.0/0' : '::/0') : destination;
}

/** Text with a line break at its end. */
export function textOf(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
