import { describe, expect, it } from 'vitest';
import { checksum, foldSum, pseudoHeaderSumIpv4, pseudoHeaderSumIpv6 } from '../../wire/checksum.js';
import { readIpv4Header } from '../../wire/ipv4.js';
import { readIpv6Header } from '../../wire/ipv6.js';
import { FLOW_KEY_WORDS, fillKeyOfPacket, pathBetween, pathToSender } from './ip-path.js';

const ENDS = [
  ['10.0.0.2', '203.0.113.5'],
  ['255.255.255.255', '255.255.255.254'],
  ['fd00::2', '2001:db8::ffff'],
] as const;

describe('IpPath', () => {
  it.each(ENDS)('writes headers that read back, %s and %s', (guest, remote) => {
    const path = pathBetween(guest, remote)!;
    const bytes = Buffer.alloc(200, 0x5a);
    const payloadOffset = path.writeHeader(bytes, 3, 100, 17);
    expect(payloadOffset).toBe(3 + path.headerBytes);
    const end = payloadOffset + 100;
    if (path.family === 4) {
      expect(readIpv4Header(bytes, 3, end)).toMatchObject({
        totalBytes: 120,
        protocol: 17,
        ttl: 64,
        dontFragment: true,
      });
      expect(checksum(bytes, 3, 23)).toBe(0);
      const sum = pseudoHeaderSumIpv4(bytes.readUInt32BE(15), bytes.readUInt32BE(19), 17, 100);
      expect(foldSum(path.pseudoHeaderSum(17, 100))).toBe(foldSum(sum));
    } else {
      expect(readIpv6Header(bytes, 3, end)).toMatchObject({ protocol: 17, hopLimit: 64, end });
      expect(foldSum(path.pseudoHeaderSum(17, 100)) % 0xffff).toBe(
        foldSum(pseudoHeaderSumIpv6(bytes, 3, 17, 100)) % 0xffff,
      );
    }
    // The other end sees the same path the other way round.
    const back = pathToSender(bytes, 3);
    expect([back.guestAddress, back.remoteAddress]).toEqual([remote, guest]);
    expect([path.reversed().guestAddress, path.reversed().remoteAddress]).toEqual([remote, guest]);
  });

  it.each(ENDS)('names a flow by the same key as its packets, %s and %s', (guest, remote) => {
    const path = pathBetween(guest, remote)!;
    const bytes = Buffer.alloc(100);
    const transport = path.reversed().writeHeader(bytes, 5, 20, 6);
    bytes.writeUInt16BE(40_000, transport);
    bytes.writeUInt16BE(65_535, transport + 2);
    const ofPacket = new Int32Array(FLOW_KEY_WORDS[path.family]);
    fillKeyOfPacket(ofPacket, bytes, 5, transport);
    const ofPath = new Int32Array(FLOW_KEY_WORDS[path.family]);
    path.fillKey(ofPath, 40_000, 65_535);
    expect(ofPath).toEqual(ofPacket);
  });

  it('is only between addresses of one family', () => {
    expect(pathBetween('10.0.0.2', 'fd00::1')).toBeUndefined();
    expect(pathBetween('nonsense', '10.0.0.1')).toBeUndefined();
  });
});
