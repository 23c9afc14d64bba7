import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ARP_BYTES, ArpOperation, readArp, writeArp } from './arp.js';

const mac = fc.maxSafeNat().map((value) => value % 2 ** 48);
const address = fc.nat(0xffff_ffff);

it('keeps ARP packets through bytes', () => {
  const packet = fc.record({
    operation: fc.nat(0xffff),
    senderMac: mac,
    senderAddress: address,
    targetMac: mac,
    targetAddress: address,
  });
  fc.assert(
    fc.property(packet, fc.nat(9), (value, offset) => {
      const bytes = Buffer.alloc(offset + ARP_BYTES);
      expect(writeArp(bytes, offset, value)).toBe(bytes.length);
      expect(readArp(bytes, offset, bytes.length)).toEqual(value);
      expect(readArp(bytes, offset, bytes.length - 1)).toBeUndefined();
    }),
  );
});

it('reads Ethernet and IPv4 only', () => {
  const bytes = Buffer.alloc(ARP_BYTES);
  const packet = {
    operation: ArpOperation.request,
    senderMac: 1,
    senderAddress: 2,
    targetMac: 0,
    targetAddress: 3,
  };
  for (const [offset, value] of [
    [1, 6],
    [2, 0x86],
    [4, 8],
    [5, 16],
  ] as const) {
    writeArp(bytes, 0, packet);
    bytes[offset] = value;
    expect(readArp(bytes, 0, ARP_BYTES)).toBeUndefined();
  }
});
