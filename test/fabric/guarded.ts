/** A guarded NIC and its neighbour on one network, and what the guard says of a frame. */
import { AddressOwners } from '../../src/fabric/switch/address-owners.js';
import { assignAddresses, SpoofGuard } from '../../src/fabric/switch/spoof-guard.js';
import { macNumber, macOf } from './frames.js';

export const OWN = { mac: macOf(1), ipv4: '10.0.0.1', ipv6: 'fd00:1::a' };
const NEIGHBOUR = { mac: macOf(2), ipv4: '10.0.0.2', ipv6: 'fd00:1::b' };
export const own = macNumber(1);
export const other = macNumber(2);

export function guardOf(identity: { readonly mac: string; ipv4?: string; ipv6?: string } = OWN): SpoofGuard {
  const owners = new AddressOwners();
  owners.setPrefixes({ address: '10.0.0.0', prefixLength: 24 }, { address: 'fd00:1::', prefixLength: 64 });
  const guard = new SpoofGuard(identity, owners);
  assignAddresses(owners, identity, 'fd00:1::', guard);
  assignAddresses(owners, NEIGHBOUR, 'fd00:1::', new SpoofGuard(NEIGHBOUR, owners));
  return guard;
}

/** The guard of somebody whom the configuration does not name, beside two NICs that it does. */
export function strangersGuard(): SpoofGuard {
  const owners = new AddressOwners();
  owners.setPrefixes({ address: '10.0.0.0', prefixLength: 24 }, { address: 'fd00:1::', prefixLength: 64 });
  for (const nic of [OWN, NEIGHBOUR]) assignAddresses(owners, nic, 'fd00:1::', new SpoofGuard(nic, owners));
  const given = new Set([own, other]);
  return new SpoofGuard({ isForeign: (high, low) => given.has(high * 0x1_0000_0000 + low) }, owners);
}

/** Bytes around the frame are 0xff, so that reading past its end shows. */
export function check(frame: Buffer, guard: SpoofGuard = guardOf()): string | undefined {
  const padded = Buffer.concat([Buffer.alloc(8, 0xff), frame, Buffer.alloc(64, 0xff)]);
  const view = new DataView(padded.buffer, padded.byteOffset, padded.length);
  return guard.check(view, 8, 8 + frame.length);
}
