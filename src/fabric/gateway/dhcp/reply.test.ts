import { describe, expect, it } from 'vitest';
import { parseIpv4 } from '../../../wire/address.js';
import { BOOT_REQUEST, BROADCAST_FLAG, type DhcpMessage, DhcpMessageType } from '../../../wire/dhcp.js';
import {
  DhcpOption,
  decodeClientFqdn,
  encodeClientFqdn,
  encodeUint16,
  encodeUint32,
} from '../../../wire/dhcp-options.js';
import { BROADCAST_MAC } from '../../../wire/ethernet.js';
import type { FabricNetwork, FabricPort } from '../../control/protocol.js';
import { type DhcpReply, informReply, leaseReply, nakReply } from './reply.js';
import { type DhcpSettings, dhcpSettingsOf } from './settings.js';
import { WEB1, web, web1 } from '../../../../test/fabric/web-network.js';

const ADDRESS = parseIpv4('10.10.10.11') ?? 0;

function settingsOf(
  overrides: Partial<FabricNetwork> = {},
  ports: readonly FabricPort[] = [web1],
): DhcpSettings {
  const settings = dhcpSettingsOf({ ...web, ...overrides }, ports);
  if (settings === undefined) throw new Error('the network serves DHCP');
  return settings;
}

function request(
  options: Readonly<Record<number, Buffer>> = {},
  fields: Partial<DhcpMessage> = {},
): DhcpMessage {
  return {
    op: BOOT_REQUEST,
    hardwareType: 1,
    hardwareAddress: Buffer.from('525400aabb01', 'hex'),
    hops: 1,
    xid: 0xabcd,
    secs: 3,
    flags: 0,
    ciaddr: 0,
    yiaddr: 0,
    siaddr: 0,
    giaddr: 0,
    options: new Map(Object.entries(options).map(([code, value]) => [Number(code), value] as const)),
    ...fields,
  };
}

const offer = (message: DhcpMessage, settings = settingsOf()) =>
  leaseReply(DhcpMessageType.offer, message, settings, ADDRESS, settings.leaseSeconds);
const codesOf = (reply: DhcpReply) => [...reply.message.options.keys()];
const list = (...codes: number[]) => ({ [DhcpOption.parameterRequestList]: Buffer.from(codes) });

describe('options of a reply', () => {
  it('are those the list asks for, in its order, the mask before the router', () => {
    const reply = offer(request(list(119, 3, 1, 12, 44, 58)));
    expect(codesOf(reply)).toEqual([53, 54, 51, 1, 119, 3, 12, 58]);
    expect(reply.message.options.get(DhcpOption.hostName)?.toString()).toBe('web1');
    expect(reply.message.options.get(DhcpOption.leaseTime)).toEqual(encodeUint32(3600));
    expect(reply.message.options.get(DhcpOption.renewalTime)).toEqual(encodeUint32(1800));
  });

  it('are the usual ones for a client that asks for nothing', () => {
    expect(codesOf(offer(request()))).toEqual([53, 54, 51, 1, 3, 6, 15, 26, 28, 12]);
    expect(codesOf(offer(request(), settingsOf({}, [])))).toEqual([53, 54, 51, 1, 3, 6, 15, 26, 28]);
  });

  it('hold no router on an isolated network, even when asked', () => {
    expect(codesOf(offer(request(list(1, 3, 6, 121)), settingsOf({ mode: 'isolated' })))).toEqual([
      53, 54, 51, 1, 6,
    ]);
    expect(codesOf(offer(request(list(1, 3, 6, 121))))).toEqual([53, 54, 51, 1, 3, 6, 121]);
  });

  it('hold no times when the client only informs itself', () => {
    expect(codesOf(informReply(request(list(51, 58, 59, 6)), settingsOf()))).toEqual([53, 54, 6]);
  });

  it('echo the client identifier, in a NAK too (RFC 6842)', () => {
    const identifier = Buffer.from('ff00112233', 'hex');
    const asked = request({ [DhcpOption.clientIdentifier]: identifier });
    for (const reply of [
      offer(asked),
      informReply(asked, settingsOf()),
      nakReply(asked, settingsOf(), 'no'),
    ]) {
      expect(reply.message.options.get(DhcpOption.clientIdentifier)).toEqual(identifier);
    }
  });

  it('name a machine of the file in option 81, in the client’s encoding, and leave strangers their name', () => {
    const wish = { serverUpdates: false, serverOverrides: false, noUpdate: false, name: 'mine.example' };
    for (const wireEncoded of [true, false]) {
      const asked = request({ [DhcpOption.clientFqdn]: encodeClientFqdn({ ...wish, wireEncoded }) });
      const fqdnWith = (settings: DhcpSettings) => {
        const value = offer(asked, settings).message.options.get(DhcpOption.clientFqdn);
        return value === undefined ? undefined : decodeClientFqdn(value);
      };
      expect(fqdnWith(settingsOf())).toEqual({
        serverUpdates: true,
        serverOverrides: true,
        wireEncoded,
        noUpdate: false,
        name: 'web1.shop.internal',
      });
      expect(fqdnWith(settingsOf({}, []))).toEqual({ ...wish, wireEncoded, noUpdate: true });
    }
  });

  it('leave out what does not fit the message size of the client', () => {
    const settings = settingsOf({ dns: { domain: Array(4).fill('d'.repeat(59)).join('.'), upstream: [] } });
    expect(codesOf(offer(request(list(15, 119, 6)), settings))).toEqual([53, 54, 51, 15, 6]);
    const large = { ...list(15, 119, 6), [DhcpOption.maximumMessageSize]: encodeUint16(1500) };
    expect(codesOf(offer(request(large), settings))).toEqual([53, 54, 51, 15, 119, 6]);
  });
});

describe('where a reply goes (RFC 2131 section 4.1)', () => {
  const everybody = { destinationMac: BROADCAST_MAC, destinationAddress: 0xffffffff };

  it('to the new address and the client’s MAC', () => {
    expect(offer(request())).toMatchObject({
      destinationMac: WEB1,
      destinationAddress: ADDRESS,
      message: { op: 2, xid: 0xabcd, yiaddr: ADDRESS, hops: 0, secs: 0 },
    });
  });

  it('to everybody when the client asks for broadcast', () => {
    expect(offer(request({}, { flags: BROADCAST_FLAG }))).toMatchObject(everybody);
  });

  it('to ciaddr when the client has its address, whatever the flag', () => {
    expect(offer(request({}, { ciaddr: ADDRESS, flags: BROADCAST_FLAG }))).toMatchObject({
      destinationMac: WEB1,
      destinationAddress: ADDRESS,
      message: { ciaddr: ADDRESS },
    });
    const elsewhere = request({}, { ciaddr: ADDRESS + 1 });
    expect(informReply(elsewhere, settingsOf())).toMatchObject({ destinationAddress: ADDRESS + 1 });
  });

  it('never to a ciaddr that a DISCOVER makes up', () => {
    expect(offer(request({}, { ciaddr: 0x08080808 }))).toMatchObject({
      destinationAddress: ADDRESS,
      message: { ciaddr: 0 },
    });
  });

  it('to everybody for a NAK', () => {
    expect(nakReply(request({}, { ciaddr: ADDRESS }), settingsOf(), 'no')).toMatchObject(everybody);
  });
});
