import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIpv6, parseIpv6 } from '../../../wire/address.js';
import {
  type Dhcpv6Message,
  Dhcpv6MessageType as Type,
  type Dhcpv6Option,
  decodeDhcpv6,
  decodeDhcpv6Options,
  encodeDhcpv6,
} from '../../../wire/dhcpv6.js';
import {
  Dhcpv6OptionCode as Code,
  decodeIaAddress,
  decodeIaNa,
  duidOfMac,
  encodeIaAddress,
  encodeIaNa,
  Dhcpv6Status as Status,
  statusOf,
} from '../../../wire/dhcpv6-options.js';
import { decodeDomainNames } from '../../../wire/domain-name.js';
import type { FabricNetwork, FabricPort } from '../../control/protocol.js';
import { Dhcpv6Server } from './dhcpv6-server.js';
import { fuzz } from '../../../../test/fuzz/fuzz.js';

const WEB1 = 0x525400aabb01;
const STRANGER = 0x525400000099;
const MINE = 'fd00:1::11';
const web: FabricNetwork = {
  name: 'web',
  mode: 'nat',
  mtuBytes: 1500,
  gatewayMac: '52:54:00:00:00:01',
  hostLoopback: false,
  ipv4: { address: '10.10.1.0', prefixLength: 24, gateway: '10.10.1.1' },
  ipv6: { address: 'fd00:1::', prefixLength: 64, gateway: 'fd00:1::1' },
  dhcp: { rangeFirst: '10.10.1.100', rangeLast: '10.10.1.199', leaseSeconds: 1000 },
  dns: { domain: 'shop.internal', upstream: [] },
};
const web1: FabricPort = {
  id: 'web1/0',
  network: 'web',
  machine: 'web1',
  mac: '52:54:00:aa:bb:01',
  ipv6: MINE,
  antiSpoofing: true,
  socketPath: '/nowhere',
};

let lines: string[] = [];
function start(networks: readonly FabricNetwork[] = [web]): Dhcpv6Server {
  lines = [];
  const server = new Dhcpv6Server(
    (line) => void lines.push(line),
    () => 0,
  );
  server.configure({ networks, ports: [web1] });
  return server;
}

const clientId: Dhcpv6Option = { code: Code.clientId, value: Buffer.from('0004abcdef', 'hex') };
const serverId: Dhcpv6Option = { code: Code.serverId, value: duidOfMac(0x525400000001) };
const rapidCommit: Dhcpv6Option = { code: Code.rapidCommit, value: Buffer.alloc(0) };
const request = (...codes: number[]): Dhcpv6Option => ({
  code: Code.optionRequest,
  value: Buffer.from(codes.flatMap((code) => [code >> 8, code & 255])),
});
const ia = (iaid: number, ...addresses: string[]): Dhcpv6Option =>
  encodeIaNa({
    iaid,
    renewSeconds: 0,
    rebindSeconds: 0,
    options: addresses.map((text) =>
      encodeIaAddress({
        address: parseIpv6(text) ?? new Uint8Array(16),
        preferredSeconds: 1,
        validSeconds: 2,
      }),
    ),
  });

function ask(
  options: readonly Dhcpv6Option[],
  type: number,
  mac = WEB1,
  server = start(),
): Dhcpv6Message | string | undefined {
  const answer = server.receive('web', encodeDhcpv6({ type, transactionId: 0xabcdef, options }), mac);
  return Buffer.isBuffer(answer) ? decodeDhcpv6(answer) : answer;
}

/** As `ask`, for what must be answered. */
function reply(...args: Parameters<typeof ask>): Dhcpv6Message {
  const answer = ask(...args);
  if (typeof answer !== 'object') throw new Error(`no reply: ${answer}`);
  expect(answer.transactionId).toBe(0xabcdef);
  expect(valueOf(answer, Code.serverId)).toEqual(serverId.value);
  return answer;
}

const valueOf = (message: Dhcpv6Message, code: number) =>
  message.options.find((option) => option.code === code)?.value;

/** `iaid: address/valid seconds …`, or `iaid: status` of each IA_NA. */
function associationsOf(message: Dhcpv6Message): string[] {
  return message.options
    .filter(({ code }) => code === Code.iaNa)
    .map(({ value }) => {
      const association = decodeIaNa(value);
      const status = statusOf(association?.options ?? []);
      const addresses = (association?.options ?? []).flatMap(({ code, value }) => {
        const address = code === Code.iaAddress ? decodeIaAddress(value) : undefined;
        return address === undefined ? [] : [`${formatIpv6(address.address)}/${address.validSeconds}`];
      });
      return `${association?.iaid}: ${status === undefined ? addresses.join(' ') : `status ${status}`}`;
    });
}

describe('SOLICIT and REQUEST', () => {
  it('advertise and give a machine of the file its address, with times and highest preference', () => {
    const advertise = reply([clientId, ia(7)], Type.solicit);
    expect(advertise.type).toBe(Type.advertise);
    expect(associationsOf(advertise)).toEqual([`7: ${MINE}/1000`]);
    expect(valueOf(advertise, Code.preference)).toEqual(Buffer.from([255]));
    expect(valueOf(advertise, Code.clientId)).toEqual(clientId.value);
    const given = reply([clientId, serverId, ia(7, MINE)], Type.request);
    expect(given.type).toBe(Type.reply);
    expect(associationsOf(given)).toEqual([`7: ${MINE}/1000`]);
    expect(decodeIaNa(valueOf(given, Code.iaNa) ?? Buffer.alloc(0))).toMatchObject({
      renewSeconds: 500,
      rebindSeconds: 800,
    });
  });

  it('take rapid commit, when there is an address to commit', () => {
    const committed = reply([clientId, rapidCommit, ia(7)], Type.solicit);
    expect(committed.type).toBe(Type.reply);
    expect(valueOf(committed, Code.rapidCommit)).toEqual(Buffer.alloc(0));
    expect(associationsOf(committed)).toEqual([`7: ${MINE}/1000`]);
    expect(reply([clientId, rapidCommit, ia(7)], Type.solicit, STRANGER).type).toBe(Type.advertise);
  });

  it('know a machine by its frame first, then by the MAC in its DUID', () => {
    const duid = (hex: string) => ({ code: Code.clientId, value: Buffer.from(hex, 'hex') });
    const others = duid('00030001525400000099');
    expect(associationsOf(reply([others, ia(1)], Type.solicit))).toEqual([`1: ${MINE}/1000`]);
    for (const mine of ['00030001525400aabb01', '000100012f0c1a2b525400aabb01']) {
      expect(associationsOf(reply([duid(mine), ia(1)], Type.solicit, STRANGER))).toEqual([`1: ${MINE}/1000`]);
    }
  });

  it('have no address for others, nor a second one, nor prefixes, nor temporary ones', () => {
    expect(associationsOf(reply([clientId, ia(1)], Type.solicit, STRANGER))).toEqual([
      `1: status ${Status.noAddrsAvail}`,
    ]);
    const iaPd = { code: Code.iaPd, value: Buffer.from('000000050000000000000000', 'hex') };
    const iaTa = { code: Code.iaTa, value: Buffer.from('00000006', 'hex') };
    const answer = reply([clientId, serverId, ia(1), ia(2), iaPd, iaTa], Type.request);
    expect(associationsOf(answer)).toEqual([`1: ${MINE}/1000`, `2: status ${Status.noAddrsAvail}`]);
    const statusIn = (code: number, skip: number) =>
      statusOf(decodeDhcpv6Options(valueOf(answer, code)?.subarray(skip) ?? Buffer.alloc(0)) ?? []);
    expect(statusIn(Code.iaPd, 12)).toBe(Status.noPrefixAvail);
    expect(statusIn(Code.iaTa, 4)).toBe(Status.noAddrsAvail);
  });

  it('tell a REQUEST for an address of elsewhere that it is not on this link', () => {
    expect(associationsOf(reply([clientId, serverId, ia(1, '2001:db8::1')], Type.request))).toEqual([
      `1: status ${Status.notOnLink}`,
    ]);
    expect(associationsOf(reply([clientId, serverId, ia(1, 'fd00:1::99')], Type.request))).toEqual([
      `1: ${MINE}/1000`,
    ]);
  });

  it('answer a bounded number of associations', () => {
    const many = Array.from({ length: 1000 }, (_, iaid) => ia(iaid));
    expect(associationsOf(reply([clientId, ...many], Type.solicit))).toHaveLength(8);
  });
});

describe('RENEW, REBIND, CONFIRM', () => {
  it('extend the address of the machine and end others', () => {
    for (const [type, identity] of [
      [Type.renew, [clientId, serverId]],
      [Type.rebind, [clientId]],
    ] as const) {
      expect(associationsOf(reply([...identity, ia(1, MINE)], type))).toEqual([`1: ${MINE}/1000`]);
      expect(associationsOf(reply([...identity, ia(1, 'fd00:1::99')], type))).toEqual([
        `1: ${MINE}/1000 fd00:1::99/0`,
      ]);
    }
  });

  it('have nothing to extend for others', () => {
    expect(associationsOf(reply([clientId, serverId, ia(1, MINE)], Type.renew, STRANGER))).toEqual([
      `1: status ${Status.noBinding}`,
    ]);
    expect(associationsOf(reply([clientId, ia(1, MINE)], Type.rebind, STRANGER))).toEqual([`1: ${MINE}/0`]);
  });

  it('confirm addresses of this link only, and say nothing when there are none', () => {
    const statusFor = (...addresses: string[]) =>
      statusOf(reply([clientId, ia(1, ...addresses)], Type.confirm).options);
    expect(statusFor(MINE)).toBe(Status.success);
    expect(statusFor(MINE, 'fd00:2::1')).toBe(Status.notOnLink);
    expect(ask([clientId, ia(1)], Type.confirm)).toBe('no-question');
  });
});

describe('RELEASE, DECLINE, INFORMATION-REQUEST', () => {
  it('acknowledge a release', () => {
    expect(statusOf(reply([clientId, serverId, ia(1, MINE)], Type.release).options)).toBe(Status.success);
  });

  it('log a conflict on the machine’s own address, once for many', () => {
    const server = start();
    for (let count = 0; count < 10; count++) {
      expect(statusOf(reply([clientId, serverId, ia(1, MINE)], Type.decline, WEB1, server).options)).toBe(0);
    }
    expect(lines).toEqual([`dhcpv6: web: 52:54:00:aa:bb:01 says that ${MINE} is in use by another machine`]);
    reply([clientId, serverId, ia(1, 'fd00:1::99')], Type.decline);
    expect(lines).toEqual([]);
  });

  it('inform anybody of servers and domains, as far as they ask', () => {
    const all = reply([request(Code.dnsServers, Code.domainList, Code.informationRefreshTime)], 11, STRANGER);
    expect(valueOf(all, Code.dnsServers)?.toString('hex')).toBe('fd000001000000000000000000000001');
    expect(decodeDomainNames(valueOf(all, Code.domainList) ?? Buffer.alloc(0))).toEqual(['shop.internal']);
    expect(valueOf(all, Code.informationRefreshTime)?.readUInt32BE(0)).toBe(1000);
    expect(reply([clientId, request(Code.domainList)], 11).options.map(({ code }) => code)).toEqual([
      1, 2, 24,
    ]);
    const leased = reply([clientId, serverId, ia(1), request(Code.dnsServers, 32)], Type.request);
    expect(leased.options.map(({ code }) => code)).toEqual([1, 2, 3, 23]);
  });
});

describe('what is refused', () => {
  const otherServer = { code: Code.serverId, value: duidOfMac(1) };
  const longId = { code: Code.clientId, value: Buffer.alloc(131) };
  it.each([
    ['SOLICIT without client', Type.solicit, [ia(1)], 'malformed'],
    ['SOLICIT with a server', Type.solicit, [clientId, serverId], 'malformed'],
    ['CONFIRM with a server', Type.confirm, [clientId, serverId], 'malformed'],
    ['REBIND with a server', Type.rebind, [clientId, serverId], 'malformed'],
    ['REQUEST without server', Type.request, [clientId, ia(1)], 'malformed'],
    ['RENEW without server', Type.renew, [clientId, ia(1)], 'malformed'],
    ['RELEASE without server', Type.release, [clientId], 'malformed'],
    ['DECLINE without server', Type.decline, [clientId], 'malformed'],
    ['REQUEST to another server', Type.request, [clientId, otherServer], 'other-server'],
    ['INFORMATION-REQUEST to another server', Type.informationRequest, [otherServer], 'other-server'],
    ['INFORMATION-REQUEST for an address', Type.informationRequest, [ia(1)], 'malformed'],
    ['a DUID too long', Type.solicit, [longId], 'malformed'],
    ['a message of servers', Type.advertise, [clientId], 'malformed'],
  ])('%s', (_what, type, options, refusal) => {
    expect(ask(options, type)).toBe(refusal);
  });
});

describe('Dhcpv6Server', () => {
  it('serves networks with IPv6 whose DHCP is on, as they are now', () => {
    const { dhcp: _dhcp, ...dhcpOff } = web;
    const { ipv4: _ipv4, ...ipv6Only } = dhcpOff;
    const { ipv6: _ipv6, ...ipv4Only } = web;
    for (const [network, serves] of [
      [web, true],
      [dhcpOff, false],
      [ipv6Only, true],
      [ipv4Only, false],
    ] as const) {
      const server = start([network]);
      expect(server.serves('web')).toBe(serves);
      expect(ask([clientId, ia(1)], Type.solicit, WEB1, server) !== undefined).toBe(serves);
    }
    const server = start();
    server.configure({ networks: [web], ports: [{ ...web1, ipv6: 'fd00:1::22' }] });
    expect(associationsOf(reply([clientId, ia(1)], Type.solicit, WEB1, server))).toEqual([
      '1: fd00:1::22/1000',
    ]);
  });

  fuzz('answers any bytes with a well-formed reply, a reason, or nothing', [8415], (seed) => {
    const server = start();
    const option = fc.record({
      code: fc.constantFrom(...Object.values(Code)),
      value: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    });
    const options = fc.array(fc.oneof(option, fc.constantFrom(clientId, serverId, ia(1, MINE))), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 14 }), options, fc.nat(), (type, list, cut) => {
        const bytes = encodeDhcpv6({ type, transactionId: 1, options: list });
        const answer = server.receive('web', bytes.subarray(0, bytes.length - (cut % 4)), WEB1);
        if (Buffer.isBuffer(answer)) expect(decodeDhcpv6(answer)?.transactionId).toBe(1);
      }),
      { numRuns: 3000, seed },
    );
  });
});
