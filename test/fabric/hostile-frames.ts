/** What a hostile machine sends its gateway: good packets of every kind, most of them damaged. */
import { ArpOperation, writeArp } from '../../src/wire/arp.js';
import { EtherType } from '../../src/wire/ethernet.js';
import { setIpv4Checksum } from '../../src/wire/ipv4.js';
import { encodeNeighbourSolicitation, encodeRouterSolicitation } from '../../src/wire/ndp.js';
import { icmpPacket, icmpv6MessagePacket, tcpPacket, udpPacket } from '../../src/fabric/gateway/packets.js';
import { ends4, ends6, frameOf, GATEWAY_MAC, ip6, ipFrame } from './gateway-stage.js';
import type { Random } from './nat/random.js';

const DESTINATIONS_4 = ['10.0.0.1', '10.0.1.20', '10.0.1.1', '198.51.100.7', '127.0.0.1', '10.0.0.255'];
const DESTINATIONS_6 = ['fd00:0:0:1::1', 'fd00:0:0:2::20', '2001:db8::7', 'ff02::1', 'fe80::1', '::1'];

function arp(random: Random): Buffer {
  const packet = Buffer.alloc(28);
  writeArp(packet, 0, {
    operation: random.below(2) === 0 ? ArpOperation.request : ArpOperation.reply,
    senderMac: 0x5254_00aa_bb01,
    senderAddress: 0x0a00_0000 + random.below(256),
    targetMac: 0,
    targetAddress: 0x0a00_0001,
  });
  return frameOf(EtherType.arp, packet, GATEWAY_MAC);
}

function solicitation(random: Random): Buffer {
  const source = Uint8Array.from(ip6('fd00:0:0:1::'));
  source[14] = random.below(256);
  source[15] = random.below(256);
  const target = ip6('fd00:0:0:1::1');
  const body = encodeNeighbourSolicitation({ target, sourceMac: 0x5254_00aa_bb01 });
  return ipFrame(icmpv6MessagePacket({ source, destination: target }, body, 255));
}

function template(random: Random): Buffer {
  const ends =
    random.below(2) === 0
      ? ends4(DESTINATIONS_4[random.below(DESTINATIONS_4.length)]!)
      : ends6(DESTINATIONS_6[random.below(DESTINATIONS_6.length)]!);
  const payload = Buffer.alloc(random.below(80), random.below(256));
  switch (random.below(6)) {
    case 0:
      return ipFrame(udpPacket(ends, random.below(65_536), [53, 67, 9, 547][random.below(4)]!, payload));
    case 1:
      return ipFrame(
        tcpPacket(ends, random.below(65_536), [22, 53][random.below(2)]!, 1, 2, random.below(256)),
      );
    case 2:
      return ipFrame(
        icmpPacket(ends, [8, 128, 3, 11, 135][random.below(5)]!, 0, random.below(2 ** 31), payload),
      );
    case 3:
      return arp(random);
    case 4:
      return solicitation(random);
    default: {
      const rs = encodeRouterSolicitation({ sourceMac: 0x5254_00aa_bb01 });
      return ipFrame(icmpv6MessagePacket(ends6('ff02::2', 'fe80::1'), rs, 255), '33:33:00:00:00:02');
    }
  }
}

/** A template with bytes changed, cut or added; often with its IPv4 checksum mended so that it gets further. */
export function hostileFrame(random: Random): Buffer {
  let frame = template(random);
  if (random.below(3) === 0) return frame;
  for (let flips = random.below(6); flips > 0; flips--)
    frame[14 + random.below(frame.length - 14)] = random.below(256);
  if (random.below(8) === 0) frame[random.below(14)] = random.below(256);
  if (random.below(6) === 0) frame = frame.subarray(0, 14 + random.below(frame.length - 13));
  if (frame.length >= 74 && frame[14]! >>> 4 === 4) setIpv4Checksum(frame, 14);
  return frame;
}
