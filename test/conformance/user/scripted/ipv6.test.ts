/** IPv6 of a real fabric process: router and neighbour discovery, DHCPv6, and packets that are too big. */
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatIpv6, parseIpv6 } from '../../../../src/wire/address.js';
import {
  decodeDhcpv6,
  type Dhcpv6Message,
  Dhcpv6MessageType as Type,
  encodeDhcpv6,
} from '../../../../src/wire/dhcpv6.js';
import {
  decodeIaAddress,
  decodeIaNa,
  Dhcpv6OptionCode as Code,
  duidOfMac,
  encodeIaNa,
} from '../../../../src/wire/dhcpv6-options.js';
import { decodeDomainNames } from '../../../../src/wire/domain-name.js';
import { Icmpv6Type } from '../../../../src/wire/icmp.js';
import {
  encodeNeighbourSolicitation,
  encodeRouterSolicitation,
  readNeighbourAdvertisement,
  readRouterAdvertisement,
} from '../../../../src/wire/ndp.js';
import { icmpv6MessagePacket, udpPacket } from '../../../../src/fabric/gateway/packets.js';
import { pathBetween } from '../../../../src/fabric/nat/ip-path.js';
import { TcpFlag } from '../../../../src/wire/tcp.js';
import { ends6, GATEWAY_MAC, GUEST_MAC, mac } from '../../../fabric/gateway-stage.js';
import { readSegment, segmentPacket } from '../../../fabric/nat/segment-probe.js';
import { GATEWAY_6, GUEST_6, NatLab, textFrom } from './nat-lab.js';

const canonical = (text: string): string => formatIpv6(parseIpv6(text)!, 0);
const LINK_LOCAL = 'fe80::5054:ff:feaa:bb01';
const ALL_ROUTERS_MAC = 0x3333_0000_0002;
const ALL_SERVERS_MAC = 0x3333_0001_0002;
const MTU_BYTES = 1400;

let lab: NatLab;
beforeAll(async () => {
  lab = await NatLab.open({ mtuBytes: MTU_BYTES }, { antiSpoofing: false });
});
afterAll(() => lab[Symbol.asyncDispose]());

const nextIcmpv6 = (type: number, what: string): Promise<Buffer> =>
  lab.guest.next((frame) => (frame[20] === 58 && frame[54] === type ? frame : undefined), what);

/** An ICMPv6 message at its place in the frame. */
const advertisementIn = (frame: Buffer) => readRouterAdvertisement(frame, 54, frame.length);

async function solicit() {
  lab.guest.takeFrames();
  const rs = encodeRouterSolicitation({ sourceMac: mac(GUEST_MAC) });
  lab.guest.send(icmpv6MessagePacket(ends6('ff02::2', LINK_LOCAL), rs, 255), ALL_ROUTERS_MAC);
  return advertisementIn(await nextIcmpv6(Icmpv6Type.routerAdvertisement, 'router advertisement'));
}

let transactionId = 100;

async function dhcpv6(type: number, options: Dhcpv6Message['options']): Promise<Dhcpv6Message> {
  transactionId += 1;
  const id = transactionId;
  const client = { code: Code.clientId, value: duidOfMac(mac(GUEST_MAC)) };
  const payload = encodeDhcpv6({ type, transactionId: id, options: [client, ...options] });
  lab.guest.send(udpPacket(ends6('ff02::1:2', LINK_LOCAL), 546, 547, payload), ALL_SERVERS_MAC);
  return lab.guest.next((frame) => {
    const isReply = frame[20] === 17 && frame.readUInt16BE(56) === 546;
    const message = isReply ? decodeDhcpv6(frame.subarray(62)) : undefined;
    return message?.transactionId === id ? message : undefined;
  }, 'DHCPv6 reply');
}

const optionOf = ({ options }: Dhcpv6Message, code: number): Buffer | undefined =>
  options.find((option) => option.code === code)?.value;

function addressIn(message: Dhcpv6Message): string | undefined {
  const ia = decodeIaNa(optionOf(message, Code.iaNa)!);
  const value = ia?.options.find(({ code }) => code === Code.iaAddress)?.value;
  const address = value && decodeIaAddress(value)?.address;
  return address && formatIpv6(address, 0);
}

const wantsAddress = encodeIaNa({ iaid: 1, renewSeconds: 0, rebindSeconds: 0, options: [] });

describe('router discovery', () => {
  it('answers a solicitation with prefix, flags, MTU and DNS (RFC 4861 section 6.2, RFC 8106)', async () => {
    const advertisement = await solicit();
    expect(advertisement).toMatchObject({ managed: false, mtuBytes: MTU_BYTES });
    expect(advertisement?.routerLifetimeSeconds).toBeGreaterThan(0);
    const [prefix] = advertisement!.prefixes;
    expect(prefix).toMatchObject({ prefixLength: 64, onLink: true, autonomous: true });
    expect(formatIpv6(prefix!.prefix, 0)).toBe(canonical('fd00:0:0:1::'));
    expect(advertisement?.rdnss?.servers.map((server) => formatIpv6(server, 0))).toEqual([
      canonical(GATEWAY_6),
    ]);
    expect(advertisement?.dnssl?.domains).toEqual(['shop.internal']);
  });

  it('sets the M flag where a machine has an address that it cannot derive (RFC 4861 section 4.2)', async () => {
    const fixed = await NatLab.open({}, { ipv6: 'fd00:0:0:1::77' });
    try {
      const rs = encodeRouterSolicitation({ sourceMac: mac(GUEST_MAC) });
      fixed.guest.send(icmpv6MessagePacket(ends6('ff02::2', LINK_LOCAL), rs, 255), ALL_ROUTERS_MAC);
      const found = await fixed.guest.next(
        (frame) => (frame[20] === 58 && frame[54] === Icmpv6Type.routerAdvertisement ? frame : undefined),
        'router advertisement',
      );
      expect(advertisementIn(found)?.managed).toBe(true);
    } finally {
      await fixed[Symbol.asyncDispose]();
    }
  });

  it('advertises to all when the network comes, unasked (RFC 4861 section 6.2.4)', async () => {
    await lab.fabric.apply({
      put: 'network',
      value: { ...lab.network, dns: { domain: 'new.internal', upstream: [] } },
    });
    const frame = await nextIcmpv6(Icmpv6Type.routerAdvertisement, 'unsolicited advertisement');
    expect(formatIpv6(frame, 38)).toBe('ff02::1');
    await lab.fabric.apply({ put: 'network', value: lab.network });
  });
});

describe('neighbour discovery', () => {
  it('answers for the gateway (RFC 4861 section 7.2.4)', async () => {
    const target = parseIpv6(GATEWAY_6)!;
    const body = encodeNeighbourSolicitation({ target, sourceMac: mac(GUEST_MAC) });
    lab.guest.send(icmpv6MessagePacket(ends6('ff02::1:ff00:1', LINK_LOCAL), body, 255), 0x3333_ff00_0001);
    const frame = await nextIcmpv6(Icmpv6Type.neighbourAdvertisement, 'advertisement');
    expect(readNeighbourAdvertisement(frame, 54, frame.length)).toMatchObject({
      solicited: true,
      router: true,
      targetMac: mac(GATEWAY_MAC),
    });
  });

  it('defends the address of the gateway against one that would take it (RFC 4862 section 5.4.4)', async () => {
    const target = parseIpv6(GATEWAY_6)!;
    const body = encodeNeighbourSolicitation({ target });
    lab.guest.send(icmpv6MessagePacket(ends6('ff02::1:ff00:1', '::'), body, 255), 0x3333_ff00_0001);
    const frame = await nextIcmpv6(Icmpv6Type.neighbourAdvertisement, 'advertisement');
    expect(formatIpv6(frame, 38)).toBe('ff02::1');
    expect(readNeighbourAdvertisement(frame, 54, frame.length)).toMatchObject({ solicited: false });
  });
});

describe('DHCPv6', () => {
  it('gives the address of the machine in four messages (RFC 8415 section 18.3)', async () => {
    const advertise = await dhcpv6(Type.solicit, [wantsAddress]);
    expect(advertise.type).toBe(Type.advertise);
    const serverId = { code: Code.serverId, value: optionOf(advertise, Code.serverId)! };
    const reply = await dhcpv6(Type.request, [serverId, wantsAddress]);
    expect([reply.type, addressIn(reply)]).toEqual([Type.reply, canonical(GUEST_6)]);
  });

  it('gives it in two when asked to (RFC 8415 section 18.3.1, Rapid Commit)', async () => {
    const rapid = { code: Code.rapidCommit, value: Buffer.alloc(0) };
    const reply = await dhcpv6(Type.solicit, [rapid, wantsAddress]);
    expect([reply.type, addressIn(reply)]).toEqual([Type.reply, canonical(GUEST_6)]);
    expect(optionOf(reply, Code.rapidCommit)).toBeDefined();
  });

  it('tells name servers and domains to who asks for no address (RFC 8415 section 18.3.6, RFC 3646)', async () => {
    const request = Buffer.alloc(4);
    request.writeUInt16BE(Code.dnsServers, 0);
    request.writeUInt16BE(Code.domainList, 2);
    const reply = await dhcpv6(Type.informationRequest, [{ code: Code.optionRequest, value: request }]);
    expect(reply.type).toBe(Type.reply);
    expect(formatIpv6(optionOf(reply, Code.dnsServers)!, 0)).toBe(canonical(GATEWAY_6));
    expect(decodeDomainNames(optionOf(reply, Code.domainList)!)).toEqual(['shop.internal']);
    expect(optionOf(reply, Code.iaNa)).toBeUndefined();
  });
});

describe('packets', () => {
  it('says that a packet for another network is too big (RFC 4443 section 3.2, RFC 8201)', async () => {
    const other = {
      ...lab.network,
      name: 'small',
      gatewayMac: '52:54:00:00:00:02',
      mtuBytes: 1280,
      ipv4: { address: '10.0.9.0', prefixLength: 24, gateway: '10.0.9.1' },
      ipv6: { address: 'fd00:0:0:9::', prefixLength: 64, gateway: 'fd00:0:0:9::1' },
    };
    const { dhcp: _, ...small } = other;
    await lab.fabric.apply({ put: 'network', value: { ...small, mode: 'routed' } });
    lab.guest.send(udpPacket(ends6('fd00:0:0:9::5'), 4000, 9, Buffer.alloc(1300)));
    const error = await nextIcmpv6(Icmpv6Type.packetTooBig, 'packet too big');
    expect(error.readUInt32BE(58)).toBe(1280);
  });

  it('carries TCP from [::] of the host to the machine and back (RFC 4291 section 2.5.2)', async () => {
    const probe = createServer().listen(0, '::1');
    await once(probe, 'listening');
    const { port } = probe.address() as { port: number };
    probe.close();
    await once(probe, 'close');
    const value = {
      id: `tcp/[::]:${port}`,
      protocol: 'tcp' as const,
      listenAddress: '::',
      listenPortFirst: port,
      listenPortLast: port,
      network: 'web',
      targetAddresses: [GUEST_6],
      targetPortFirst: 80,
      targetPortFixed: true,
    };
    await lab.fabric.apply({ put: 'forward', value });
    const client = connect({ port, host: '::1' });
    client.on('error', () => undefined);
    try {
      const path = pathBetween(GUEST_6, GATEWAY_6)!;
      const read = (frame: Buffer) => (frame[20] === 6 ? readSegment(frame.subarray(14), path) : undefined);
      const syn = await lab.guest.next(read, 'SYN');
      expect([syn.flags, syn.destinationPort]).toEqual([TcpFlag.syn, 80]);
      const acknowledgement = (syn.sequence + 1) >>> 0;
      const answer = (flags: number, sequence: number, payload = Buffer.alloc(0)): void => {
        lab.guest.send(
          segmentPacket(path, 80, syn.sourcePort, { sequence, acknowledgement, flags, payload }),
        );
      };
      answer(TcpFlag.syn | TcpFlag.ack, 7);
      await lab.guest.next(read, 'end of the handshake');
      answer(TcpFlag.ack | TcpFlag.psh, 8, Buffer.from('six'));
      await expect.poll(() => textFrom(client)).toBe('six');
    } finally {
      client.destroy();
    }
  });
});
