import { describe, expect, it } from 'vitest';
import {
  dropsOf,
  ethernetOf,
  GATEWAY_MAC,
  GUEST_MAC,
  ip6,
  ipFrame,
  mac,
  network,
  packetOf,
  Stage,
} from '../../../test/fabric/gateway-stage.js';
import { formatIpv6 } from '../../wire/address.js';
import { formatMac } from '../../wire/ethernet.js';
import { Icmpv6Type, readIcmpv6 } from '../../wire/icmp.js';
import { ipv6MulticastMac, linkLocalAddress, solicitedNodeMulticast } from '../../wire/ipv6-interface.js';
import {
  encodeNeighbourAdvertisement,
  encodeNeighbourSolicitation,
  type NeighbourAdvertisement,
  type NeighbourSolicitation,
  readNeighbourAdvertisement,
  readNeighbourSolicitation,
} from '../../wire/ndp.js';
import { ipv6KeyOf } from './address-key.js';
import { icmpv6MessagePacket } from './packets.js';

const GUEST = ip6('fd00:0:0:1:5054:ff:feaa:bb01');
const GATEWAY = ip6('fd00:0:0:1::1');
const GATEWAY_LINK_LOCAL = linkLocalAddress(mac(GATEWAY_MAC));
const ALL_NODES_MAC = 0x3333_0000_0001;

function solicitation(message: NeighbourSolicitation, source: Uint8Array, hopLimit = 255): Buffer {
  const group = solicitedNodeMulticast(message.target);
  const body = encodeNeighbourSolicitation(message);
  const packet = icmpv6MessagePacket({ source, destination: group }, body, hopLimit);
  return ipFrame(packet, formatMac(ipv6MulticastMac(group)));
}

function advertisement(message: NeighbourAdvertisement, source: Uint8Array, destination = GATEWAY): Buffer {
  return ipFrame(icmpv6MessagePacket({ source, destination }, encodeNeighbourAdvertisement(message), 255));
}

interface Answer extends Partial<NeighbourAdvertisement> {
  readonly from: string;
  readonly to: string;
}

function answerOf(frame: Buffer | undefined): Answer {
  const packet = packetOf(frame);
  expect(packet[7]).toBe(255);
  expect(readIcmpv6(packet, 0, 40, packet.length)?.type).toBe(Icmpv6Type.neighbourAdvertisement);
  const message = readNeighbourAdvertisement(packet, 40, packet.length);
  return { ...message, from: formatIpv6(packet, 8), to: formatIpv6(packet, 24) };
}

describe('neighbour discovery', () => {
  it.each([GATEWAY, GATEWAY_LINK_LOCAL])(
    'answers for both of its addresses and learns who asked',
    (target) => {
      const stage = new Stage();
      const gateway = stage.gateway();
      const [frame, ...rest] = stage.send(
        gateway,
        solicitation({ target, sourceMac: mac(GUEST_MAC) }, GUEST),
      );
      expect(rest).toEqual([]);
      expect(ethernetOf(frame).destination).toBe(mac(GUEST_MAC));
      expect(answerOf(frame)).toEqual({
        target,
        router: true,
        solicited: true,
        override: true,
        targetMac: mac(GATEWAY_MAC),
        from: formatIpv6(target),
        to: formatIpv6(GUEST),
      });
      expect(gateway.neighbours.lookup(ipv6KeyOf(GUEST))).toBe(mac(GUEST_MAC));
    },
  );

  it('answers duplicate address detection for its address to all nodes', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const [frame] = stage.send(gateway, solicitation({ target: GATEWAY }, ip6('::')));
    expect(ethernetOf(frame).destination).toBe(ALL_NODES_MAC);
    expect(answerOf(frame)).toMatchObject({ target: GATEWAY, solicited: false, to: 'ff02::1' });
    expect(gateway.neighbours.size.learned).toBe(0);
  });

  it('is no router on an isolated network', () => {
    const stage = new Stage();
    const gateway = stage.gateway(network({ mode: 'isolated' }));
    const [frame] = stage.send(gateway, solicitation({ target: GATEWAY, sourceMac: mac(GUEST_MAC) }, GUEST));
    expect(answerOf(frame)).toMatchObject({ router: false, solicited: true });
  });

  it('keeps silent about other targets', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const target = ip6('fd00:0:0:1::2');
    expect(stage.send(gateway, solicitation({ target, sourceMac: mac(GUEST_MAC) }, GUEST))).toEqual([]);
    expect(gateway.neighbours.size.learned).toBe(0);
  });

  it('refuses what came from afar, lies about its MAC, or is malformed', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const sourceMac = mac(GUEST_MAC);
    const far = solicitation({ target: GATEWAY, sourceMac }, GUEST, 254);
    const badProbe = solicitation({ target: GATEWAY, sourceMac }, ip6('::'));
    const broken = solicitation({ target: GATEWAY, sourceMac }, GUEST);
    broken[60]! ^= 1;
    expect(stage.send(gateway, far, badProbe, broken)).toEqual([]);
    expect(dropsOf(gateway)).toEqual({ malformed: 3 });
    const liar = solicitation({ target: GATEWAY, sourceMac: mac('52:54:00:aa:bb:99') }, GUEST);
    expect(stage.send(gateway, liar)).toHaveLength(1);
    expect(gateway.neighbours.lookup(ipv6KeyOf(GUEST))).toBeUndefined();
  });

  it('asks for an address and hands its MAC to who waits', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const answers: (number | undefined)[] = [];
    gateway.resolve('fd00:0:0:1::9', (found) => answers.push(found));
    const [frame] = stage.takeFrames();
    const question = packetOf(frame);
    const target = ip6('fd00:0:0:1::9');
    expect(ethernetOf(frame).destination).toBe(ipv6MulticastMac(solicitedNodeMulticast(target)));
    expect(readNeighbourSolicitation(question, 40, question.length)).toEqual({
      target,
      sourceMac: mac(GATEWAY_MAC),
    });
    const flags = { router: false, solicited: true, override: true };
    const unasked = advertisement(
      { target: ip6('fd00:0:0:1::8'), ...flags, targetMac: mac(GUEST_MAC) },
      target,
    );
    const lie = advertisement({ target, ...flags, targetMac: mac('52:54:00:aa:bb:99') }, target);
    stage.send(gateway, unasked, lie);
    expect(answers).toEqual([]);
    stage.send(gateway, advertisement({ target, ...flags, targetMac: mac(GUEST_MAC) }, target));
    expect(answers).toEqual([mac(GUEST_MAC)]);
    expect(gateway.neighbours.size).toEqual({ learned: 1, pending: 0 });
  });

  it('probes for its own addresses at the start, and counts who claims them', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    gateway.start();
    const targets = stage.takeFrames().flatMap((frame) => {
      const packet = packetOf(frame);
      const probe = readNeighbourSolicitation(packet, 40, packet.length);
      return probe === undefined ? [] : [[formatIpv6(packet, 8), formatIpv6(probe.target)]];
    });
    expect(targets).toEqual([
      ['::', formatIpv6(GATEWAY_LINK_LOCAL)],
      ['::', 'fd00:0:0:1::1'],
    ]);
    const claim = { target: GATEWAY, router: false, solicited: false, override: true };
    stage.send(gateway, advertisement({ ...claim, targetMac: mac(GUEST_MAC) }, GUEST, ip6('ff02::1')));
    expect(dropsOf(gateway)).toEqual({ 'address-conflict': 1 });
    gateway.close();
  });
});
