import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatIpv4 } from '../../../wire/address.js';
import { BOOT_REQUEST, decodeDhcp, DhcpMessageType, encodeDhcp } from '../../../wire/dhcp.js';
import { DhcpOption, encodeAddresses } from '../../../wire/dhcp-options.js';
import { writeMac } from '../../../wire/ethernet.js';
import type { FabricNetwork, FabricPort } from '../../control/protocol.js';
import { type DhcpDatagram, DhcpServer } from './dhcp-server.js';
import { LeaseStore } from './lease-store.js';
import { fuzz } from '../../../../test/fuzz/fuzz.js';
import { web as narrow, web1 as port, STRANGER, WEB1 } from '../../../../test/fabric/web-network.js';

const web: FabricNetwork = {
  ...narrow,
  ipv4: { address: '10.10.0.0', prefixLength: 16, gateway: '10.10.0.1' },
  dhcp: { rangeFirst: '10.10.1.0', rangeLast: '10.10.1.255', leaseSeconds: 3600 },
};
const web1: FabricPort = { ...port, ipv4: '10.10.0.11' };

let directory: string;
let lines: string[];
let nowMs: number;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'passerelle-dhcp-'));
  lines = [];
  nowMs = 1_800_000_000_000;
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function start(networks: readonly FabricNetwork[] = [web]): DhcpServer {
  const log = (line: string) => void lines.push(line);
  const server = new DhcpServer(new LeaseStore(join(directory, 'leases.json'), log), log, () => nowMs);
  server.configure({ networks, ports: [web1] });
  return server;
}

function payload(
  type: number,
  mac: number,
  options: ReadonlyMap<number, Buffer> = new Map(),
  ciaddr = 0,
): Buffer {
  const hardwareAddress = Buffer.alloc(6);
  writeMac(hardwareAddress, 0, mac);
  const header = { op: BOOT_REQUEST, hardwareType: 1, hardwareAddress, hops: 0, xid: 7, secs: 0, flags: 0 };
  return encodeDhcp({
    ...header,
    ciaddr,
    yiaddr: 0,
    siaddr: 0,
    giaddr: 0,
    options: new Map([[DhcpOption.messageType, Buffer.from([type])], ...options]),
  });
}

function read(answer: ReturnType<DhcpServer['receive']>): { type: number | undefined; address: number } {
  const reply = typeof answer === 'object' ? decodeDhcp(answer.payload) : undefined;
  return { type: reply?.options.get(DhcpOption.messageType)?.[0], address: reply?.yiaddr ?? 0 };
}

function discover(server: DhcpServer, mac: number): number {
  return read(server.receive('web', payload(DhcpMessageType.discover, mac), mac)).address;
}

function request(server: DhcpServer, mac: number, address: number): number | undefined {
  const options = new Map([
    [DhcpOption.serverIdentifier, encodeAddresses(0x0a0a0001)],
    [DhcpOption.requestedAddress, encodeAddresses(address)],
  ]);
  return read(server.receive('web', payload(DhcpMessageType.request, mac, options), mac)).type;
}

describe('DhcpServer', () => {
  it('leases over the wire, lists, and remembers over a restart', async () => {
    const server = start();
    for (const mac of [WEB1, STRANGER]) {
      expect(request(server, mac, discover(server, mac))).toBe(DhcpMessageType.ack);
    }
    const leases = server.leases();
    expect(leases).toHaveLength(2);
    expect(leases[0]).toEqual({
      network: 'web',
      mac: '52:54:00:aa:bb:01',
      address: '10.10.0.11',
      hostname: 'web1',
      expiresAtMs: nowMs + 3_600_000,
    });
    await server.close();

    const restarted = start();
    expect(restarted.leases()).toEqual(leases);
    expect(formatIpv4(discover(restarted, STRANGER))).toBe(leases[1]?.address);
    expect(lines).toEqual([]);
    nowMs += 3_600_000;
    expect(restarted.leases()).toEqual([]);
    await restarted.close();
  });

  it('keeps leases of a network that goes and comes back', async () => {
    const server = start();
    const address = discover(server, STRANGER);
    request(server, STRANGER, address);
    server.configure({ networks: [], ports: [] });
    expect(server.serves('web')).toBe(false);
    expect(server.leases()).toEqual([]);
    expect(server.receive('web', payload(DhcpMessageType.discover, STRANGER), STRANGER)).toBeUndefined();
    await server.close();
    const restarted = start([]);
    restarted.configure({ networks: [web], ports: [web1] });
    expect(discover(restarted, STRANGER)).toBe(address);
    await restarted.close();
  });

  it('applies new settings to the next message', async () => {
    const server = start();
    const address = discover(server, STRANGER);
    request(server, STRANGER, address);
    const elsewhere = { rangeFirst: '10.10.2.0', rangeLast: '10.10.2.9', leaseSeconds: 60 };
    const dns = { domain: 'new.internal', upstream: [] };
    server.configure({ networks: [{ ...web, mtuBytes: 9000, dhcp: elsewhere, dns }], ports: [web1] });
    const renewal = payload(DhcpMessageType.request, STRANGER, new Map(), address);
    expect(read(server.receive('web', renewal, STRANGER)).type).toBe(DhcpMessageType.nak);
    const answer = server.receive(
      'web',
      payload(DhcpMessageType.discover, STRANGER),
      STRANGER,
    ) as DhcpDatagram;
    const offer = decodeDhcp(answer.payload);
    expect(formatIpv4(offer?.yiaddr ?? 0)).toMatch(/^10\.10\.2\.\d$/);
    expect(offer?.options.get(DhcpOption.interfaceMtu)?.readUInt16BE(0)).toBe(9000);
    expect(offer?.options.get(DhcpOption.domainName)?.toString()).toBe('new.internal');
    await server.close();
  });

  it('outlives 100,000 MACs: the table holds the range, a lease in force stays, newcomers get in', async () => {
    const server = start();
    const mine = discover(server, STRANGER);
    expect(request(server, STRANGER, mine)).toBe(DhcpMessageType.ack);
    const bytes = payload(DhcpMessageType.discover, 0);
    const offered = new Set<number>();
    for (let index = 0; index < 100_000; index++) {
      const mac = 0x020000000000 + index;
      writeMac(bytes, 28, mac);
      const answer = server.receive('web', bytes, mac);
      if (typeof answer === 'object') offered.add(answer.payload.readUInt32BE(16));
      nowMs += index % 10 === 0 ? 1 : 0;
    }
    expect(offered.size).toBe(255);
    expect(offered).not.toContain(mine);
    expect(server.leases().map(({ mac }) => mac)).toEqual(['52:54:00:00:00:99']);
    const newcomer = 0x525400000077;
    expect(request(server, newcomer, discover(server, newcomer))).toBe(DhcpMessageType.ack);
    await server.close();
  });

  it.each([
    ['Laptop.home', 'laptop'],
    ['-a', undefined],
    ['a\0b', undefined],
    ['<script>', undefined],
    ['', undefined],
    ['x'.repeat(64), undefined],
  ])('lists the host name %j as %j', async (text, hostname) => {
    const server = start();
    const options = new Map([[DhcpOption.hostName, Buffer.from(text)]]);
    server.receive('web', payload(DhcpMessageType.request, STRANGER, options, 0x0a0a0105), STRANGER);
    expect(server.leases().map((lease) => lease.hostname)).toEqual([hostname]);
    await server.close();
  });

  it('takes the host name from option 81 when there is no other', async () => {
    const server = start();
    const options = new Map([[DhcpOption.clientFqdn, Buffer.from('\x01\0\0laptop.home', 'latin1')]]);
    server.receive('web', payload(DhcpMessageType.request, STRANGER, options, 0x0a0a0105), STRANGER);
    expect(server.leases().map((lease) => lease.hostname)).toEqual(['laptop']);
    await server.close();
  });

  it('writes one line for many conflicts', async () => {
    const server = start();
    const options = new Map([[DhcpOption.requestedAddress, encodeAddresses(0x0a0a000b)]]);
    for (let count = 0; count < 100; count++) {
      expect(server.receive('web', payload(DhcpMessageType.decline, WEB1, options), WEB1)).toBeUndefined();
    }
    expect(lines).toEqual(['dhcp: web: 52:54:00:aa:bb:01 says that 10.10.0.11 is in use by another machine']);
    await server.close();
  });

  it.each([
    ['a relayed message', 1, [[27, 1]], 'relayed'],
    ['a reply', 1, [[0, 2]], 'malformed'],
    ['another hardware', 1, [[1, 32]], 'not-ethernet'],
    ['a short hardware address', 1, [[2, 5]], 'not-ethernet'],
    ['the MAC of another machine', 1, [[33, 0x98]], 'spoofed-mac'],
    ['an unknown type', 77, [], 'malformed'],
    ['a REQUEST without any address', 3, [], 'malformed'],
    ['a DECLINE without address', 4, [], 'malformed'],
    ['an INFORM without address', 8, [], 'malformed'],
    ['an INFORM from elsewhere', 8, [[12, 8]], 'not-theirs'],
    ['no magic cookie', 1, [[236, 0]], 'malformed'],
  ] as const)('refuses %s', async (_what, type, changes, refusal) => {
    const server = start();
    const bytes = payload(type, STRANGER);
    for (const [at, byte] of changes) bytes[at] = byte;
    expect(server.receive('web', bytes, STRANGER)).toBe(refusal);
    expect(server.receive('web', payload(1, 0x010000000001), 0x010000000001)).toBe('spoofed-mac');
    await server.close();
  });

  fuzz('answers any bytes with a well-formed reply, a reason, or nothing', [2131], async (seed) => {
    const server = start();
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 10 });
    const option = fc.tuple(fc.integer({ min: 1, max: 254 }), fc.uint8Array({ maxLength: 40 }));
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 9 }),
        fc.array(option, { maxLength: 6 }),
        damage,
        (type, pairs, changes) => {
          const options = new Map(
            pairs.filter(([code]) => code !== 52).map(([code, value]) => [code, Buffer.from(value)] as const),
          );
          const bytes = payload(type, STRANGER, options);
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
          const answer = server.receive('web', bytes, STRANGER);
          if (typeof answer === 'object') {
            expect(decodeDhcp(answer.payload)?.op).toBe(2);
            expect(answer.payload.length).toBeLessThanOrEqual(1472);
          }
        },
      ),
      { numRuns: 3000, seed },
    );
    await server.close();
  });
});
