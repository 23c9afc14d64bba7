import { describe, expect, it } from 'vitest';
import { dropsOf, ends4, ends6, ipFrame, packetOf, Stage } from '../../../test/fabric/gateway-stage.js';
import { IcmpType, Icmpv6Type } from '../../wire/icmp.js';
import { setIpv4Checksum } from '../../wire/ipv4.js';
import { icmpPacket, udpPacket } from './packets.js';

function expiring(packet: Buffer): Buffer {
  if (packet[0]! >>> 4 === 6) packet[7] = 1;
  else {
    packet[8] = 1;
    setIpv4Checksum(packet, 0);
  }
  return packet;
}

const OUT_4 = ends4('198.51.100.7');
const OUT_6 = ends6('2001:db8::7');

describe('ICMP errors', () => {
  it('quote no more than 576 bytes allow, or the minimum IPv6 MTU', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const data = Buffer.alloc(1400);
    const frames = stage.send(
      gateway,
      ipFrame(expiring(udpPacket(OUT_4, 1, 2, data))),
      ipFrame(expiring(udpPacket(OUT_6, 1, 2, data))),
    );
    expect(frames.map((frame) => packetOf(frame).length)).toEqual([576, 1280]);
  });

  it('are not sent about errors, whatever the family', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    for (const type of [3, 4, 5, 11, 12]) {
      expect(stage.send(gateway, ipFrame(expiring(icmpPacket(OUT_4, type, 0, 0, Buffer.alloc(28)))))).toEqual(
        [],
      );
    }
    const error = icmpPacket(OUT_6, Icmpv6Type.timeExceeded, 0, 0, Buffer.alloc(48));
    expect(stage.send(gateway, ipFrame(expiring(error)))).toEqual([]);
    expect(dropsOf(gateway)).toEqual({ 'ttl-exceeded': 6 });
    const echo = icmpPacket(OUT_4, IcmpType.echoRequest, 0, 0, Buffer.alloc(8));
    expect(stage.send(gateway, ipFrame(expiring(echo)))).toHaveLength(1);
  });

  it('are not sent about later fragments', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const packet = udpPacket(OUT_4, 1, 2, Buffer.alloc(32));
    packet.writeUInt16BE(0x2001, 6);
    expect(stage.send(gateway, ipFrame(expiring(packet)))).toEqual([]);
    packet.writeUInt16BE(0x2000, 6);
    expect(stage.send(gateway, ipFrame(expiring(packet)))).toHaveLength(1);
  });

  it('keep to their rate', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const frame = (): Buffer => ipFrame(expiring(udpPacket(OUT_4, 1, 2, Buffer.alloc(0))));
    const burst = stage.send(gateway, ...Array.from({ length: 1000 }, frame));
    expect(burst).toHaveLength(200);
    expect(dropsOf(gateway)).toEqual({ 'ttl-exceeded': 1000, 'icmp-rate-limited': 800 });
    stage.nowMs += 1000;
    expect(stage.send(gateway, ...Array.from({ length: 1000 }, frame))).toHaveLength(100);
  });
});
