import { describe, expect, it } from 'vitest';
import {
  dropsOf,
  ethernetOf,
  frameOf,
  GATEWAY_MAC,
  GUEST_MAC,
  ip4,
  mac,
  network,
  packetOf,
  Stage,
  without,
} from '../../../test/fabric/gateway-stage.js';
import { ARP_BYTES, ArpOperation, type ArpPacket, readArp, writeArp } from '../../wire/arp.js';
import { BROADCAST_MAC, EtherType } from '../../wire/ethernet.js';

const BROADCAST = 'ff:ff:ff:ff:ff:ff';

function arpFrame(overrides: Partial<ArpPacket>, destination = BROADCAST, source = GUEST_MAC): Buffer {
  const packet = Buffer.alloc(ARP_BYTES);
  writeArp(packet, 0, {
    operation: ArpOperation.request,
    senderMac: mac(source),
    senderAddress: ip4('10.0.0.11'),
    targetMac: 0,
    targetAddress: ip4('10.0.0.1'),
    ...overrides,
  });
  return frameOf(EtherType.arp, packet, destination, source);
}

function arpOf(frame: Buffer | undefined): ArpPacket | undefined {
  const packet = packetOf(frame);
  return readArp(packet, 0, packet.length);
}

describe('ARP', () => {
  it('answers who has the gateway, and learns who asked', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const [reply, ...rest] = stage.send(gateway, arpFrame({}));
    expect(rest).toEqual([]);
    expect(ethernetOf(reply)).toMatchObject({ destination: mac(GUEST_MAC), source: mac(GATEWAY_MAC) });
    expect(arpOf(reply)).toEqual({
      operation: ArpOperation.reply,
      senderMac: mac(GATEWAY_MAC),
      senderAddress: ip4('10.0.0.1'),
      targetMac: mac(GUEST_MAC),
      targetAddress: ip4('10.0.0.11'),
    });
    expect(gateway.neighbours.lookup(ip4('10.0.0.11'))).toBe(mac(GUEST_MAC));
  });

  it('answers a probe without learning 0.0.0.0', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    expect(arpOf(stage.send(gateway, arpFrame({ senderAddress: 0 }))[0])?.operation).toBe(ArpOperation.reply);
    expect(gateway.neighbours.size.learned).toBe(0);
  });

  it('keeps silent about other addresses, and to senders of another subnet', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    expect(stage.send(gateway, arpFrame({ targetAddress: ip4('10.0.0.12') }))).toEqual([]);
    expect(stage.send(gateway, arpFrame({ senderAddress: ip4('192.0.2.1') }))).toEqual([]);
    expect(stage.send(gateway, arpFrame({ operation: ArpOperation.reply }))).toEqual([]);
    expect(gateway.neighbours.lookup(ip4('192.0.2.1'))).toBeUndefined();
  });

  it('refuses a sender that is not the sender of the frame', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    expect(stage.send(gateway, arpFrame({ senderMac: mac('52:54:00:aa:bb:99') }))).toEqual([]);
    expect(dropsOf(gateway)).toEqual({ malformed: 1 });
    expect(gateway.neighbours.size.learned).toBe(0);
  });

  it('defends its own address, but not in a storm', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const claim = arpFrame({ senderAddress: ip4('10.0.0.1') });
    const [announcement] = stage.send(gateway, claim);
    expect(ethernetOf(announcement).destination).toBe(BROADCAST_MAC);
    expect(arpOf(announcement)).toMatchObject({
      senderMac: mac(GATEWAY_MAC),
      senderAddress: ip4('10.0.0.1'),
      targetAddress: ip4('10.0.0.1'),
    });
    expect(stage.send(gateway, claim, claim)).toEqual([]);
    expect(dropsOf(gateway)).toEqual({ 'address-conflict': 3 });
    stage.nowMs += 10_000;
    expect(stage.send(gateway, claim)).toHaveLength(1);
  });

  it('says nothing on a network without IPv4, nor on an isolated one without services', () => {
    const stage = new Stage();
    const onlyIpv6 = stage.gateway(without(network(), 'ipv4', 'dhcp'));
    const empty = stage.gateway(without(network({ mode: 'isolated' }), 'ipv6', 'dhcp', 'dns'));
    expect(stage.send(onlyIpv6, arpFrame({}))).toEqual([]);
    expect(stage.send(empty, arpFrame({}))).toEqual([]);
    expect(dropsOf(empty)).toEqual({ isolated: 1 });
  });
});
