import { describe, expect, it } from 'vitest';
import {
  dropsOf,
  ends4,
  ethernetOf,
  GUEST_MAC,
  ip4,
  ipFrame,
  mac,
  network,
  packetOf,
  secondNetwork,
  Stage,
  without,
} from '../../../test/fabric/gateway-stage.js';
import { checksum, pseudoHeaderSumIpv4 } from '../../wire/checksum.js';
import { BROADCAST_MAC } from '../../wire/ethernet.js';
import { IcmpType, readIcmp, readQuotedPacket, UnreachableCode } from '../../wire/icmp.js';
import { readIpv4Header, setIpv4Checksum } from '../../wire/ipv4.js';
import { readUdpHeader } from '../../wire/udp.js';
import type { Gateway } from './gateway.js';
import { udpPacket } from './packets.js';

const BROADCAST = 'ff:ff:ff:ff:ff:ff';

/** A UDP packet from the guest, with other fields of the IP header as given. */
function udpTo(destination: string, { source = '10.0.0.11', ttl = 64, port = 9999, bytes = 4 } = {}): Buffer {
  const packet = udpPacket(ends4(destination, source), 4321, port, Buffer.alloc(bytes, 0x61));
  packet[8] = ttl;
  setIpv4Checksum(packet, 0);
  return packet;
}

function icmpOf(frame: Buffer | undefined): { type: number; code: number; rest: number } | undefined {
  const packet = packetOf(frame);
  const header = readIpv4Header(packet, 0, packet.length);
  return header && readIcmp(packet, header.headerBytes, header.totalBytes);
}

describe('a packet that leaves the project', () => {
  it('goes to the NAT, TTL counted down, checksum right', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const packet = udpTo('198.51.100.7');
    expect(stage.send(gateway, ipFrame(packet))).toEqual([]);
    const [received] = stage.nat.received;
    expect(received).toMatchObject({ link: gateway, sourceMac: mac(GUEST_MAC) });
    const header = readIpv4Header(received!.packet, 0, received!.packet.length);
    expect(header).toMatchObject({ ttl: 63, destination: ip4('198.51.100.7') });
    expect(received!.packet.subarray(20)).toEqual(packet.subarray(20));
    expect(stage.nat.batches).toBe(1);
  });

  it('is cut to its total length: padding does not go along', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const packet = udpTo('198.51.100.7');
    stage.send(gateway, ipFrame(Buffer.concat([packet, Buffer.alloc(14)])));
    expect(stage.nat.received[0]?.packet).toHaveLength(packet.length);
  });

  it('with TTL 1 is answered with time exceeded from the gateway, quoting it', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const packet = udpTo('198.51.100.7', { ttl: 1, port: 33_434 });
    const [reply] = stage.send(gateway, ipFrame(packet));
    expect(ethernetOf(reply).destination).toBe(mac(GUEST_MAC));
    const answer = packetOf(reply);
    expect(readIpv4Header(answer, 0, answer.length)).toMatchObject(ends4('10.0.0.11', '10.0.0.1'));
    expect(icmpOf(reply)).toEqual({ type: IcmpType.timeExceeded, code: 0, rest: 0 });
    expect(answer.subarray(28)).toEqual(packet);
    expect(readQuotedPacket(answer, 28, answer.length)).toMatchObject({ destinationPort: 33_434 });
    expect(stage.nat.received).toEqual([]);
    expect(dropsOf(gateway)).toEqual({ 'ttl-exceeded': 1 });
  });

  it.each(['0.0.0.1', '127.0.0.1', '169.254.169.254', '240.0.0.1'])('is refused for %s', (destination) => {
    const stage = new Stage();
    const gateway = stage.gateway();
    expect(stage.send(gateway, ipFrame(udpTo(destination)))).toEqual([]);
    expect(dropsOf(gateway)).toEqual({ 'martian-destination': 1 });
    expect(stage.nat.received).toEqual([]);
  });

  it.each([
    ['127.0.0.1', 'martian-source'],
    ['169.254.1.1', 'martian-source'],
    ['224.0.0.1', 'martian-source'],
    ['255.255.255.255', 'martian-source'],
    ['10.0.0.255', 'martian-source'],
    ['10.0.0.1', 'martian-source'],
    ['192.0.2.1', 'foreign-source'],
    ['0.0.0.0', 'foreign-source'],
  ])('is refused from %s', (source, reason) => {
    const stage = new Stage();
    const gateway = stage.gateway();
    expect(stage.send(gateway, ipFrame(udpTo('198.51.100.7', { source })))).toEqual([]);
    expect(dropsOf(gateway)).toEqual({ [reason]: 1 });
    expect(stage.nat.received).toEqual([]);
  });

  it('is refused with source routing, and in a broadcast frame', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const plain = udpTo('198.51.100.7');
    const options = Buffer.from([1, 131, 7, 4, 198, 51, 100, 7]);
    const routed = Buffer.concat([plain.subarray(0, 20), options, plain.subarray(20)]);
    routed[0] = 0x47;
    routed.writeUInt16BE(routed.length, 2);
    setIpv4Checksum(routed, 0);
    stage.send(gateway, ipFrame(routed), ipFrame(plain, BROADCAST));
    expect(dropsOf(gateway)).toEqual({ 'source-route': 1, 'link-broadcast': 1 });
    expect(stage.nat.received).toEqual([]);
    options[1] = 7;
    const recorded = Buffer.concat([plain.subarray(0, 20), options, plain.subarray(20)]);
    recorded[0] = 0x47;
    recorded.writeUInt16BE(recorded.length, 2);
    setIpv4Checksum(recorded, 0);
    stage.send(gateway, ipFrame(recorded));
    expect(stage.nat.received).toHaveLength(1);
  });

  it('is refused with a wrong checksum; multicast is nobody’s and not counted', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const broken = udpTo('198.51.100.7');
    broken[10]! ^= 1;
    stage.send(gateway, ipFrame(broken), ipFrame(udpTo('224.0.0.251'), '01:00:5e:00:00:fb'));
    expect(dropsOf(gateway)).toEqual({ malformed: 1 });
    expect(stage.nat.received).toEqual([]);
  });

  it('is nobody’s when its frame is for another MAC', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    expect(stage.send(gateway, ipFrame(udpTo('198.51.100.7'), '52:54:00:aa:bb:77'))).toEqual([]);
    expect(stage.nat.received).toEqual([]);
    expect(dropsOf(gateway)).toEqual({});
  });
});

describe('an isolated network', () => {
  function isolated(stage: Stage): Gateway {
    stage.gateway(secondNetwork());
    return stage.gateway(network({ mode: 'isolated' }));
  }

  it.each(['198.51.100.7', '10.0.1.20', '10.0.1.1', '10.0.0.12', '127.0.0.1'])(
    'routes nothing to %s, without a word',
    (destination) => {
      const stage = new Stage();
      const gateway = isolated(stage);
      expect(
        stage.send(gateway, ipFrame(udpTo(destination)), ipFrame(udpTo(destination, { ttl: 1 }))),
      ).toEqual([]);
      expect(dropsOf(gateway)).toEqual({ isolated: 2 });
      expect(stage.nat.received).toEqual([]);
      expect(stage.nat.receivedLocal).toEqual([]);
    },
  );

  it('is no destination: neither router nor NAT take packets to it', () => {
    const stage = new Stage();
    isolated(stage);
    const back = stage.router.networkOfIpv4(ip4('10.0.1.1')) as Gateway;
    const [reply, ...rest] = stage.send(
      back,
      ipFrame(udpTo('10.0.0.11', { source: '10.0.1.20' }), '52:54:00:00:00:02'),
    );
    expect(rest).toEqual([]);
    expect(icmpOf(reply)).toMatchObject({
      type: IcmpType.destinationUnreachable,
      code: UnreachableCode.network,
    });
    expect(dropsOf(back)).toEqual({ 'no-route': 1 });
    expect(stage.nat.received).toEqual([]);
  });
});

describe('DHCP', () => {
  const discover = udpPacket(ends4('255.255.255.255', '0.0.0.0'), 68, 67, Buffer.from('discover'));

  it('reaches the server from 0.0.0.0, and the reply goes where it says', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    stage.dhcpReply = {
      destinationMac: BROADCAST_MAC,
      destinationAddress: 0xffff_ffff,
      payload: Buffer.from('offer'),
    };
    const [reply] = stage.send(gateway, ipFrame(discover, BROADCAST));
    expect(stage.dhcpRequests).toEqual([
      { network: 'web', payload: Buffer.from('discover'), sourceMac: mac(GUEST_MAC) },
    ]);
    expect(ethernetOf(reply).destination).toBe(BROADCAST_MAC);
    const packet = packetOf(reply);
    const header = readIpv4Header(packet, 0, packet.length)!;
    expect(header).toMatchObject(ends4('255.255.255.255', '10.0.0.1'));
    expect(readUdpHeader(packet, 20, packet.length)).toMatchObject({ sourcePort: 67, destinationPort: 68 });
    const pseudo = pseudoHeaderSumIpv4(header.source, header.destination, 17, packet.length - 20);
    expect(checksum(packet, 20, packet.length, pseudo)).toBe(0);
    expect(packet.toString('latin1', 28)).toBe('offer');
  });

  it('is served on isolated networks too, and refusals are counted', () => {
    const stage = new Stage();
    const gateway = stage.gateway(network({ mode: 'isolated' }));
    stage.dhcpReply = 'pool-empty';
    expect(stage.send(gateway, ipFrame(discover, BROADCAST))).toEqual([]);
    expect(stage.dhcpRequests).toHaveLength(1);
    expect(dropsOf(gateway)).toEqual({ 'dhcp-refused': 1 });
  });

  it('with a wrong checksum is refused, and without a server ignored', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const broken = Buffer.from(discover);
    broken[30]! ^= 1;
    stage.send(gateway, ipFrame(broken, BROADCAST));
    expect(dropsOf(gateway)).toEqual({ malformed: 1 });
    const silent = stage.gateway(without(secondNetwork(), 'dhcp'));
    expect(stage.send(silent, ipFrame(discover, BROADCAST))).toEqual([]);
    expect(dropsOf(silent)).toEqual({});
    expect(stage.dhcpRequests).toEqual([]);
  });
});
