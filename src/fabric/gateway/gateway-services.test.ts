/** The project's real DHCP, DHCPv6 and DNS servers behind a real gateway, asked with real frames. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode, encode } from 'dns-packet';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  ends4,
  ends6,
  ethernetOf,
  GUEST_MAC,
  ip4,
  ip6,
  ipFrame,
  mac,
  network,
  packetOf,
  port,
  Stage,
} from '../../../test/fabric/gateway-stage.js';
import {
  BOOT_REQUEST,
  decodeDhcp,
  type DhcpMessage,
  DhcpMessageType,
  encodeDhcp,
  HARDWARE_TYPE_ETHERNET,
} from '../../wire/dhcp.js';
import { DhcpOption, encodeAddresses } from '../../wire/dhcp-options.js';
import { decodeDhcpv6, Dhcpv6MessageType, encodeDhcpv6 } from '../../wire/dhcpv6.js';
import {
  decodeIaAddress,
  decodeIaNa,
  Dhcpv6OptionCode,
  duidOfMac,
  encodeIaNa,
} from '../../wire/dhcpv6-options.js';
import { writeMac } from '../../wire/ethernet.js';
import { DhcpServer } from './dhcp/dhcp-server.js';
import { LeaseStore } from './dhcp/lease-store.js';
import { Dhcpv6Server } from './dhcpv6/dhcpv6-server.js';
import { DnsServer } from './dns/dns-server.js';
import { udpPacket } from './packets.js';

const NETWORK = network({ mode: 'isolated' });
const PORT = port({ ipv6: 'fd00:0:0:1::80' });

let directory: string;
let servers: { dhcp: DhcpServer; dhcpv6: Dhcpv6Server; dns: DnsServer };
let stage: Stage;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'passerelle-gateway-'));
  const log = (): void => {};
  servers = {
    dhcp: new DhcpServer(new LeaseStore(join(directory, 'leases.json'), log), log),
    dhcpv6: new Dhcpv6Server(log),
    dns: new DnsServer({ current: () => [] }),
  };
  for (const server of Object.values(servers)) server.configure({ networks: [NETWORK], ports: [PORT] });
  stage = new Stage(servers);
});

afterEach(async () => {
  await servers.dhcp.close();
  servers.dns.close();
  rmSync(directory, { recursive: true });
});

function dhcpFrame(type: number, options: readonly [number, Buffer][] = []): Buffer {
  const hardwareAddress = Buffer.alloc(6);
  writeMac(hardwareAddress, 0, mac(GUEST_MAC));
  const message: DhcpMessage = {
    op: BOOT_REQUEST,
    hardwareType: HARDWARE_TYPE_ETHERNET,
    hardwareAddress,
    hops: 0,
    xid: 7,
    secs: 0,
    flags: 0,
    ciaddr: 0,
    yiaddr: 0,
    siaddr: 0,
    giaddr: 0,
    options: new Map([[DhcpOption.messageType, Buffer.from([type])], ...options]),
  };
  const packet = udpPacket(ends4('255.255.255.255', '0.0.0.0'), 68, 67, encodeDhcp(message));
  return ipFrame(packet, 'ff:ff:ff:ff:ff:ff');
}

function dhcpOf(frame: Buffer | undefined): DhcpMessage | undefined {
  return decodeDhcp(packetOf(frame).subarray(28));
}

it('leases a machine its address', () => {
  const gateway = stage.gateway(NETWORK, [PORT]);
  const [offer] = stage.send(gateway, dhcpFrame(DhcpMessageType.discover));
  expect(dhcpOf(offer)).toMatchObject({ yiaddr: ip4('10.0.0.11'), xid: 7 });
  const wished: [number, Buffer][] = [
    [DhcpOption.requestedAddress, encodeAddresses(ip4('10.0.0.11'))],
    [DhcpOption.serverIdentifier, encodeAddresses(ip4('10.0.0.1'))],
  ];
  const [acknowledgement] = stage.send(gateway, dhcpFrame(DhcpMessageType.request, wished));
  expect(ethernetOf(acknowledgement).destination).toBe(mac(GUEST_MAC));
  const message = dhcpOf(acknowledgement);
  expect(message?.options.get(DhcpOption.messageType)).toEqual(Buffer.from([DhcpMessageType.ack]));
  expect(message?.options.get(DhcpOption.router)).toBeUndefined();
  expect(servers.dhcp.leases()).toMatchObject([{ network: 'web', mac: GUEST_MAC, address: '10.0.0.11' }]);
});

it('gives a machine the IPv6 address of the file', () => {
  const gateway = stage.gateway(NETWORK, [PORT]);
  const solicit = encodeDhcpv6({
    type: Dhcpv6MessageType.solicit,
    transactionId: 9,
    options: [
      { code: Dhcpv6OptionCode.clientId, value: duidOfMac(mac(GUEST_MAC)) },
      encodeIaNa({ iaid: 1, renewSeconds: 0, rebindSeconds: 0, options: [] }),
    ],
  });
  const ends = ends6('ff02::1:2', 'fe80::5054:ff:feaa:bb01');
  const frame = ipFrame(udpPacket(ends, 546, 547, solicit), '33:33:00:01:00:02');
  const reply = decodeDhcpv6(packetOf(stage.send(gateway, frame)[0]).subarray(48));
  expect(reply).toMatchObject({ type: Dhcpv6MessageType.advertise, transactionId: 9 });
  const association = reply?.options.find(({ code }) => code === Dhcpv6OptionCode.iaNa);
  const inner = association && decodeIaNa(association.value)?.options[0];
  expect(inner && decodeIaAddress(inner.value)?.address).toEqual(ip6('fd00:0:0:1::80'));
});

it('answers for the project’s names', async () => {
  const gateway = stage.gateway(NETWORK, [PORT]);
  const query = encode({ type: 'query', id: 5, questions: [{ type: 'A', name: 'web1.shop.internal' }] });
  expect(stage.send(gateway, ipFrame(udpPacket(ends4('10.0.0.1'), 5353, 53, query)))).toEqual([]);
  await new Promise(setImmediate);
  const answer = decode(packetOf(stage.takeFrames()[0]).subarray(28));
  expect(answer.id).toBe(5);
  expect(answer.answers).toMatchObject([{ type: 'A', name: 'web1.shop.internal', data: '10.0.0.11' }]);
});
