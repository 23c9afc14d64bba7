import { decode, encode } from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FabricNetwork, FabricPort } from '../../control/protocol.js';
import { DnsServer } from './dns-server.js';
import { isResponse } from './message.js';
import { fuzz } from '../../../../test/fuzz/fuzz.js';

function network(name: string, mode: FabricNetwork['mode'], octet: number): FabricNetwork {
  return {
    name,
    mode,
    mtuBytes: 1500,
    gatewayMac: '52:54:00:00:00:01',
    hostLoopback: false,
    ipv4: { address: `10.10.${octet}.0`, prefixLength: 24, gateway: `10.10.${octet}.1` },
    dns: { domain: 'shop.internal', upstream: [] },
  };
}
const web1: FabricPort = {
  id: 'web1/0',
  network: 'web',
  machine: 'web1',
  mac: '52:54:00:aa:bb:01',
  ipv4: '10.10.1.11',
  antiSpoofing: true,
  socketPath: '/nowhere',
};
const { dns: _dns, ...mute } = network('mute', 'nat', 3);
const networks = [network('web', 'nat', 1), network('back', 'isolated', 2), mute];

function start(): DnsServer {
  const server = new DnsServer({ current: () => [] });
  server.configure({ networks, ports: [web1] });
  return server;
}

const query = (name: string, type: 'A' | 'AXFR' | 'MX' = 'A') =>
  encode({ id: 7, type: 'query', flags: 0x0100, questions: [{ name, type }] });

async function ask(server: DnsServer, bytes: Buffer, from = 'web') {
  const answer = await server.handle(bytes, 'udp', from);
  return answer === undefined ? undefined : decode(answer);
}

describe('DnsServer', () => {
  it('answers for the project without any upstream, and SERVFAIL for the rest', async () => {
    const server = start();
    expect(await ask(server, query('WEB1.shop.internal'))).toMatchObject({
      id: 7,
      rcode: 'NOERROR',
      flag_aa: true,
      answers: [{ data: '10.10.1.11' }],
    });
    expect(await ask(server, query('web1', 'MX'))).toMatchObject({ rcode: 'NOERROR', answers: [] });
    expect(await ask(server, query('no.shop.internal'))).toMatchObject({ rcode: 'NXDOMAIN' });
    expect(await ask(server, query('example.com'))).toMatchObject({
      id: 7,
      rcode: 'SERVFAIL',
      flag_aa: false,
    });
  });

  it('refuses on an isolated network what is not there', async () => {
    expect(await ask(start(), query('example.com'), 'back')).toMatchObject({ rcode: 'REFUSED' });
  });

  it('does not serve networks without DNS, or that it does not know', async () => {
    const server = start();
    expect([server.serves('web'), server.serves('mute'), server.serves('nowhere')]).toEqual([
      true,
      false,
      false,
    ]);
    expect(await ask(server, query('web1'), 'mute')).toBeUndefined();
    expect(await ask(server, query('web1'), 'nowhere')).toBeUndefined();
  });

  it('follows an edit at once', async () => {
    const server = start();
    server.configure({ networks, ports: [{ ...web1, machine: 'shop1', ipv4: '10.10.1.99' }] });
    expect(await ask(server, query('web1.shop.internal'))).toMatchObject({ rcode: 'NXDOMAIN' });
    expect(await ask(server, query('shop1'))).toMatchObject({ answers: [{ data: '10.10.1.99' }] });
  });

  it('never turns to the host’s resolvers for a network that names its own, even wrongly', async () => {
    const server = new DnsServer({
      current: () => {
        throw new Error('the host was asked');
      },
    });
    const named = {
      ...network('web', 'nat', 1),
      dns: { domain: 'shop.internal', upstream: ['not an address'] },
    };
    server.configure({ networks: [named], ports: [] });
    expect(await ask(server, query('example.com'))).toMatchObject({ rcode: 'SERVFAIL' });
  });

  it('tells other opcodes, transfers, classes and broken questions what they are', async () => {
    const server = start();
    const notify = query('web1');
    notify.writeUInt16BE(0x2000, 2);
    expect(await ask(server, notify)).toMatchObject({ rcode: 'NOTIMP', opcode: 'NOTIFY' });
    expect(await ask(server, query('example.com', 'AXFR'))).toMatchObject({ rcode: 'REFUSED' });
    const chaos = query('web1.shop.internal');
    chaos.writeUInt16BE(3, chaos.length - 2);
    expect(await ask(server, chaos)).toMatchObject({ rcode: 'REFUSED' });
    expect(await ask(server, query('web1').subarray(0, -1))).toMatchObject({
      id: 7,
      rcode: 'FORMERR',
      questions: [],
    });
  });

  it('has nothing to say to an answer, to fragments of a header, or when closed', async () => {
    const server = start();
    expect(
      await ask(server, encode({ type: 'response', questions: [{ name: 'web1', type: 'A' }] })),
    ).toBeUndefined();
    expect(await ask(server, Buffer.alloc(11))).toBeUndefined();
    server.close();
    expect(await ask(server, query('web1'))).toBeUndefined();
  });

  fuzz('answers any bytes with a response under their id, or not at all', [53], async (seed) => {
    const server = start();
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 });
    const names = fc.constantFrom(
      'web1',
      'x.shop.internal',
      '11.1.10.10.in-addr.arpa',
      'a.ip6.arpa',
      'example.com',
    );
    const random = fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes));
    const damaged = fc.tuple(names, damage, fc.nat({ max: 5 })).map(([name, changes, cut]) => {
      const bytes = query(name);
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      return bytes.subarray(0, bytes.length - cut);
    });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(random, damaged),
        fc.constantFrom('web', 'back'),
        fc.constantFrom('udp' as const, 'tcp' as const),
        async (bytes, from, transport) => {
          const before = Buffer.from(bytes);
          const answer = await server.handle(bytes, transport, from);
          expect(bytes).toEqual(before);
          if (answer === undefined) return;
          expect(answer.readUInt16BE(0)).toBe(bytes.readUInt16BE(0));
          expect(isResponse(answer)).toBe(true);
        },
      ),
      { numRuns: 2000, seed },
    );
  });
});
