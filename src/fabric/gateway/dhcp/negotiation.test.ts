import { describe, expect, it } from 'vitest';
import { formatIpv4, parseIpv4 } from '../../../wire/address.js';
import { BOOT_REQUEST, type DhcpMessage, DhcpMessageType } from '../../../wire/dhcp.js';
import { DhcpOption, encodeAddresses, encodeUint32 } from '../../../wire/dhcp-options.js';
import { BROADCAST_MAC, writeMac } from '../../../wire/ethernet.js';
import type { FabricNetwork, FabricPort } from '../../control/protocol.js';
import { LeaseTable } from './lease-table.js';
import { negotiate, OFFER_MS, type Outcome, QUARANTINE_MS } from './negotiation.js';
import { dhcpSettingsOf } from './settings.js';
import { STRANGER, WEB1, web, web1 } from '../../../../test/fabric/web-network.js';

const OTHER = 0x525400000098;

type Options = Readonly<Record<number, Buffer>>;

function message(
  type: number,
  mac: number,
  options: Options = {},
  fields: Partial<DhcpMessage> = {},
): DhcpMessage {
  const hardwareAddress = Buffer.alloc(6);
  writeMac(hardwareAddress, 0, mac);
  return {
    op: BOOT_REQUEST,
    hardwareType: 1,
    hardwareAddress,
    hops: 0,
    xid: 0xabcd,
    secs: 3,
    flags: 0,
    ciaddr: 0,
    yiaddr: 0,
    siaddr: 0,
    giaddr: 0,
    options: new Map([
      [DhcpOption.messageType, Buffer.from([type])],
      ...Object.entries(options).map(([code, value]) => [Number(code), value] as const),
    ]),
    ...fields,
  };
}

const ip = (text: string) => parseIpv4(text) ?? 0;
const address = (text: string) => encodeAddresses(ip(text));
const us = { [DhcpOption.serverIdentifier]: address('10.10.10.1') };

/** A network with its table, and a clock that stands until it is moved. */
function network(overrides: Partial<FabricNetwork> = {}, ports: readonly FabricPort[] = [web1]) {
  const settings = dhcpSettingsOf({ ...web, ...overrides }, ports);
  if (settings === undefined) throw new Error('the network serves DHCP');
  const table = new LeaseTable(settings.pool);
  const clock = { nowMs: 1_000_000 };
  return {
    table,
    clock,
    send(request: DhcpMessage, sourceMac = request.hardwareAddress.readUIntBE(0, 6)): Outcome {
      const outcome = negotiate(request, sourceMac, table, settings, clock.nowMs);
      for (const lease of outcome.changed) table.set(lease);
      return outcome;
    },
  };
}

const typeOf = (outcome: Outcome) => outcome.reply?.message.options.get(DhcpOption.messageType)?.[0];
const addressOf = (outcome: Outcome) => formatIpv4(outcome.reply?.message.yiaddr ?? 0);
const optionOf = (outcome: Outcome, code: number) => outcome.reply?.message.options.get(code);

/** DISCOVER and REQUEST as a client does; the address. */
function lease(net: ReturnType<typeof network>, mac: number): string {
  const offer = net.send(message(DhcpMessageType.discover, mac));
  const requested = encodeAddresses(offer.reply?.message.yiaddr ?? 0);
  const ack = net.send(
    message(DhcpMessageType.request, mac, { ...us, [DhcpOption.requestedAddress]: requested }),
  );
  expect(typeOf(ack)).toBe(DhcpMessageType.ack);
  return addressOf(ack);
}

describe('DISCOVER and REQUEST (SELECTING)', () => {
  it('gives a machine of the file its own address, and no hold for the offer', () => {
    const net = network();
    const offer = net.send(message(DhcpMessageType.discover, WEB1));
    expect(typeOf(offer)).toBe(DhcpMessageType.offer);
    expect(addressOf(offer)).toBe('10.10.10.11');
    expect(offer.changed).toEqual([]);
    expect(lease(net, WEB1)).toBe('10.10.10.11');
    expect(net.table.ofMac(WEB1)).toMatchObject({ state: 'bound', hostname: 'web1', expiresAtMs: 4_600_000 });
  });

  it('gives others an address of the range, the same one each time', () => {
    const net = network();
    const first = lease(net, STRANGER);
    expect(ip(first)).toBeGreaterThanOrEqual(ip('10.10.10.100'));
    expect(ip(first)).toBeLessThanOrEqual(ip('10.10.10.109'));
    expect(lease(net, STRANGER)).toBe(first);
    net.clock.nowMs += 10 * 3600 * 1000;
    expect(lease(net, STRANGER)).toBe(first);
    expect(lease(net, OTHER)).not.toBe(first);
  });

  it('offers the address the client asks for, when it is free', () => {
    const net = network();
    const asked = { [DhcpOption.requestedAddress]: address('10.10.10.107') };
    expect(addressOf(net.send(message(DhcpMessageType.discover, STRANGER, asked)))).toBe('10.10.10.107');
    expect(addressOf(net.send(message(DhcpMessageType.discover, OTHER, asked)))).not.toBe('10.10.10.107');
  });

  it('holds an offer for seconds: another client is refused the address, then gets it', () => {
    const net = network();
    const asked = { [DhcpOption.requestedAddress]: address('10.10.10.107') };
    net.send(message(DhcpMessageType.discover, STRANGER, asked));
    expect(typeOf(net.send(message(DhcpMessageType.request, OTHER, { ...us, ...asked })))).toBe(
      DhcpMessageType.nak,
    );
    net.clock.nowMs += OFFER_MS;
    expect(typeOf(net.send(message(DhcpMessageType.request, OTHER, { ...us, ...asked })))).toBe(
      DhcpMessageType.ack,
    );
    expect(typeOf(net.send(message(DhcpMessageType.request, STRANGER, { ...us, ...asked })))).toBe(
      DhcpMessageType.nak,
    );
  });

  it('takes its offer back when the client chose another server', () => {
    const net = network();
    const asked = { [DhcpOption.requestedAddress]: address('10.10.10.107') };
    net.send(message(DhcpMessageType.discover, STRANGER, asked));
    const elsewhere = { [DhcpOption.serverIdentifier]: address('10.10.10.2') };
    const outcome = net.send(message(DhcpMessageType.request, STRANGER, { ...elsewhere, ...asked }));
    expect(outcome.reply).toBeUndefined();
    expect(addressOf(net.send(message(DhcpMessageType.discover, OTHER, asked)))).toBe('10.10.10.107');
  });

  it('answers DISCOVER with ACK at rapid commit (RFC 4039)', () => {
    const net = network();
    const outcome = net.send(
      message(DhcpMessageType.discover, STRANGER, { [DhcpOption.rapidCommit]: Buffer.alloc(0) }),
    );
    expect(typeOf(outcome)).toBe(DhcpMessageType.ack);
    expect(optionOf(outcome, DhcpOption.rapidCommit)).toEqual(Buffer.alloc(0));
    expect(net.table.ofMac(STRANGER)?.state).toBe('bound');
    expect(
      optionOf(net.send(message(DhcpMessageType.discover, OTHER)), DhcpOption.rapidCommit),
    ).toBeUndefined();
  });

  it('says nothing when the range is leased', () => {
    const net = network();
    for (let mac = 1; mac <= 10; mac++) lease(net, mac * 2);
    expect(net.send(message(DhcpMessageType.discover, STRANGER))).toEqual({
      refusal: 'no-vacancy',
      changed: [],
    });
    expect(lease(net, WEB1)).toBe('10.10.10.11');
  });
});

describe('REQUEST (INIT-REBOOT, RENEWING, REBINDING)', () => {
  const reboot = (mac: number, text: string) =>
    message(DhcpMessageType.request, mac, { [DhcpOption.requestedAddress]: address(text) });
  const renew = (mac: number, text: string) =>
    message(DhcpMessageType.request, mac, {}, { ciaddr: ip(text) });

  it('confirms the address the client has', () => {
    const net = network();
    const held = lease(net, STRANGER);
    net.clock.nowMs += 1_800_000;
    for (const request of [reboot(STRANGER, held), renew(STRANGER, held)]) {
      const outcome = net.send(request);
      expect(typeOf(outcome)).toBe(DhcpMessageType.ack);
      expect(addressOf(outcome)).toBe(held);
    }
    expect(net.table.ofMac(STRANGER)?.expiresAtMs).toBe(net.clock.nowMs + 3_600_000);
  });

  it('refuses an address of another network, broadcast, with the reason', () => {
    const net = network();
    for (const request of [reboot(STRANGER, '192.168.1.5'), renew(STRANGER, '192.168.1.5')]) {
      const outcome = net.send(request);
      expect(typeOf(outcome)).toBe(DhcpMessageType.nak);
      expect(outcome.reply).toMatchObject({ destinationMac: BROADCAST_MAC, destinationAddress: 0xffffffff });
      expect(outcome.reply?.message).toMatchObject({ yiaddr: 0, ciaddr: 0 });
      expect(optionOf(outcome, DhcpOption.message)?.toString()).toBe('wrong network');
      expect(optionOf(outcome, DhcpOption.leaseTime)).toBeUndefined();
    }
  });

  it('refuses an address that is not theirs', () => {
    const net = network();
    const held = lease(net, OTHER);
    for (const text of [held, '10.10.10.11', '10.10.10.1', '10.10.10.50', '10.10.10.255']) {
      expect(typeOf(net.send(reboot(STRANGER, text)))).toBe(DhcpMessageType.nak);
    }
    expect(typeOf(net.send(reboot(WEB1, held)))).toBe(DhcpMessageType.nak);
    expect(typeOf(net.send(renew(WEB1, '10.10.10.105')))).toBe(DhcpMessageType.nak);
  });

  it('grants a free address again that the table has forgotten', () => {
    const net = network();
    expect(addressOf(net.send(renew(STRANGER, '10.10.10.103')))).toBe('10.10.10.103');
    expect(net.table.ofMac(STRANGER)?.state).toBe('bound');
  });

  it('moves a machine to the address the file now gives it', () => {
    const net = network({}, []);
    const held = lease(net, WEB1);
    const edited = dhcpSettingsOf(web, [web1]);
    if (edited === undefined) throw new Error('the network serves DHCP');
    const answer = (request: DhcpMessage) => negotiate(request, WEB1, net.table, edited, net.clock.nowMs);
    expect(typeOf(answer(renew(WEB1, held)))).toBe(DhcpMessageType.nak);
    expect(addressOf(answer(message(DhcpMessageType.discover, WEB1)))).toBe('10.10.10.11');
  });

  it('refuses a message without any address', () => {
    expect(network().send(message(DhcpMessageType.request, STRANGER)).refusal).toBe('malformed');
  });
});

describe('INFORM, DECLINE, RELEASE', () => {
  it('informs without a lease', () => {
    const net = network();
    const outcome = net.send(message(DhcpMessageType.inform, STRANGER, {}, { ciaddr: ip('10.10.10.77') }));
    expect(typeOf(outcome)).toBe(DhcpMessageType.ack);
    expect(outcome.reply).toMatchObject({ destinationMac: STRANGER, destinationAddress: ip('10.10.10.77') });
    expect(addressOf(outcome)).toBe('0.0.0.0');
    expect(optionOf(outcome, DhcpOption.domainNameServer)).toEqual(address('10.10.10.1'));
    for (const code of [DhcpOption.leaseTime, DhcpOption.renewalTime, DhcpOption.rebindingTime]) {
      expect(optionOf(outcome, code)).toBeUndefined();
    }
    expect(net.table.size).toBe(0);
  });

  it('keeps a declined address from everybody for a while', () => {
    const net = network();
    const held = lease(net, STRANGER);
    const asked = { [DhcpOption.requestedAddress]: address(held) };
    expect(net.send(message(DhcpMessageType.decline, OTHER, { ...us, ...asked })).refusal).toBe('not-theirs');
    expect(net.send(message(DhcpMessageType.decline, STRANGER, { ...us, ...asked })).conflict).toBe(ip(held));
    expect(lease(net, STRANGER)).not.toBe(held);
    expect(typeOf(net.send(message(DhcpMessageType.request, OTHER, asked)))).toBe(DhcpMessageType.nak);
    net.clock.nowMs += QUARANTINE_MS;
    expect(typeOf(net.send(message(DhcpMessageType.request, OTHER, asked)))).toBe(DhcpMessageType.ack);
  });

  it('reports a conflict on an address of the file and keeps offering it', () => {
    const net = network();
    const asked = { [DhcpOption.requestedAddress]: address('10.10.10.11') };
    expect(net.send(message(DhcpMessageType.decline, WEB1, { ...us, ...asked })).conflict).toBe(
      ip('10.10.10.11'),
    );
    expect(addressOf(net.send(message(DhcpMessageType.discover, WEB1)))).toBe('10.10.10.11');
  });

  it('ends a lease at RELEASE, only by its holder, and remembers the address for them', () => {
    const net = network();
    const held = lease(net, STRANGER);
    const released = message(DhcpMessageType.release, STRANGER, us, { ciaddr: ip(held) });
    expect(net.send(message(DhcpMessageType.release, OTHER, us, { ciaddr: ip(held) })).refusal).toBe(
      'not-theirs',
    );
    expect(net.table.ofMac(STRANGER)?.expiresAtMs).toBeGreaterThan(net.clock.nowMs);
    expect(net.send(released)).toMatchObject({ changed: [{ state: 'bound', expiresAtMs: net.clock.nowMs }] });
    expect(lease(net, STRANGER)).toBe(held);
  });
});

it('leases for less time when the client asks for less', () => {
  const timeFor = (seconds: number) =>
    optionOf(network().send(message(1, STRANGER, { [DhcpOption.leaseTime]: encodeUint32(seconds) })), 51);
  expect(timeFor(600)).toEqual(encodeUint32(600));
  expect(timeFor(1)).toEqual(encodeUint32(60));
  expect(timeFor(0xffffffff)).toEqual(encodeUint32(3600));
});
