import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  ethernetOf,
  GATEWAY_MAC,
  GUEST_MAC,
  ip6,
  ipFrame,
  mac,
  network,
  packetOf,
  port,
  Stage,
  without,
} from '../../../test/fabric/gateway-stage.js';
import { formatIpv6 } from '../../wire/address.js';
import { readIcmpv6 } from '../../wire/icmp.js';
import { ALL_ROUTERS } from '../../wire/ipv6-interface.js';
import {
  encodeRouterAdvertisement,
  encodeRouterSolicitation,
  readRouterAdvertisement,
  type RouterAdvertisement,
  type RouterSolicitation,
} from '../../wire/ndp.js';
import { icmpv6MessagePacket } from './packets.js';

const GUEST_LINK_LOCAL = ip6('fe80::5054:ff:feaa:bb01');
const ALL_NODES_MAC = 0x3333_0000_0001;

function solicitation(message: RouterSolicitation = {}, source = GUEST_LINK_LOCAL, hopLimit = 255): Buffer {
  const body = encodeRouterSolicitation(message);
  return ipFrame(
    icmpv6MessagePacket({ source, destination: ALL_ROUTERS }, body, hopLimit),
    '33:33:00:00:00:02',
  );
}

function advertisementsOf(frames: readonly Buffer[]): RouterAdvertisement[] {
  return frames.flatMap((frame) => {
    const packet = packetOf(frame);
    const message = readRouterAdvertisement(packet, 40, packet.length);
    if (message === undefined) return [];
    expect(readIcmpv6(packet, 0, 40, packet.length)).toBeDefined();
    expect([formatIpv6(packet, 8), packet[7]]).toEqual(['fe80::5054:ff:fe00:1', 255]);
    return [message];
  });
}

describe('router advertisements', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('answer a solicitation at once, with all a machine needs', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const frames = stage.send(gateway, solicitation({ sourceMac: mac(GUEST_MAC) }));
    expect(frames).toHaveLength(1);
    expect(ethernetOf(frames[0]).destination).toBe(mac(GUEST_MAC));
    expect(formatIpv6(packetOf(frames[0]), 24)).toBe('fe80::5054:ff:feaa:bb01');
    expect(advertisementsOf(frames)).toEqual([
      {
        hopLimit: 64,
        managed: false,
        otherConfiguration: false,
        routerLifetimeSeconds: 1800,
        reachableTimeMs: 0,
        retransmitTimerMs: 0,
        sourceMac: mac(GATEWAY_MAC),
        mtuBytes: 1500,
        prefixes: [
          {
            prefix: ip6('fd00:0:0:1::'),
            prefixLength: 64,
            onLink: true,
            autonomous: true,
            validLifetimeSeconds: 5400,
            preferredLifetimeSeconds: 2700,
          },
        ],
        rdnss: { lifetimeSeconds: 1800, servers: [ip6('fd00:0:0:1::1')] },
        dnssl: { lifetimeSeconds: 1800, domains: ['shop.internal'] },
      },
    ]);
  });

  it('on an isolated network offer a prefix but no router', () => {
    const stage = new Stage();
    const gateway = stage.gateway(without(network({ mode: 'isolated' }), 'dns'));
    const [message] = advertisementsOf(stage.send(gateway, solicitation()));
    expect(message).toMatchObject({ routerLifetimeSeconds: 0, prefixes: [{ autonomous: true }] });
    expect(message?.rdnss).toBeUndefined();
  });

  it('do not invite to form addresses in a prefix that is not a /64', () => {
    const stage = new Stage();
    const ipv6 = { address: 'fd00:0:0:1::', prefixLength: 120, gateway: 'fd00:0:0:1::1' };
    const gateway = stage.gateway(network({ ipv6 }));
    const [message] = advertisementsOf(stage.send(gateway, solicitation()));
    expect(message?.prefixes).toMatchObject([{ prefixLength: 120, onLink: true, autonomous: false }]);
  });

  it('send machines to DHCPv6 only for addresses they cannot form', () => {
    const stage = new Stage();
    stage.dhcpv6Reply = Buffer.alloc(0);
    const formed = stage.gateway(network(), [port()]);
    expect(advertisementsOf(stage.send(formed, solicitation()))[0]?.managed).toBe(false);
    formed.configure(network(), [port(), port({ id: 'web2/0', ipv6: 'fd00:0:0:1::80' })]);
    expect(advertisementsOf(stage.takeFrames())).toMatchObject([{ managed: true }]);
    stage.dhcpv6Reply = undefined;
    expect(advertisementsOf(stage.send(formed, solicitation()))[0]?.managed).toBe(false);
    formed.close();
  });

  it('answer a machine without address by multicast, at most one in 3 s', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const anonymous = solicitation({}, ip6('::'));
    const first = stage.send(gateway, anonymous, anonymous, anonymous);
    expect(first.map((frame) => ethernetOf(frame).destination)).toEqual([ALL_NODES_MAC]);
    stage.nowMs += 2999;
    vi.advanceTimersByTime(2999);
    expect(stage.takeFrames()).toEqual([]);
    stage.nowMs += 1;
    vi.advanceTimersByTime(1);
    expect(stage.takeFrames()).toHaveLength(1);
    gateway.close();
  });

  it('come by themselves: thrice at the start, then every 200 to 600 s', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    gateway.start();
    expect(advertisementsOf(stage.takeFrames())).toHaveLength(1);
    vi.advanceTimersByTime(32_000);
    expect(advertisementsOf(stage.takeFrames())).toHaveLength(2);
    vi.advanceTimersByTime(199_999);
    expect(stage.takeFrames()).toEqual([]);
    vi.advanceTimersByTime(400_001);
    expect(advertisementsOf(stage.takeFrames()).length).toBeGreaterThanOrEqual(1);
    gateway.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('take leave when the gateway goes', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    gateway.close();
    expect(advertisementsOf(stage.takeFrames())).toMatchObject([
      { routerLifetimeSeconds: 0, prefixes: [{ preferredLifetimeSeconds: 0 }] },
    ]);
  });

  it('tell a change of MTU, and withdraw a prefix that was given up', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    gateway.configure(network({ mtuBytes: 9000 }), []);
    expect(advertisementsOf(stage.takeFrames())).toMatchObject([
      { mtuBytes: 9000, routerLifetimeSeconds: 1800 },
    ]);
    const ipv6 = { address: 'fd00:0:0:9::', prefixLength: 64, gateway: 'fd00:0:0:9::1' };
    gateway.configure(network({ mtuBytes: 9000, ipv6 }), []);
    expect(
      advertisementsOf(stage.takeFrames()).map(({ prefixes, routerLifetimeSeconds }) => [
        formatIpv6(prefixes[0]!.prefix),
        prefixes[0]!.preferredLifetimeSeconds,
        routerLifetimeSeconds,
      ]),
    ).toEqual([
      ['fd00:0:0:1::', 0, 0],
      ['fd00:0:0:9::', 2700, 1800],
    ]);
    gateway.close();
  });

  it('are refused from machines, as are solicitations from afar', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const body = encodeRouterAdvertisement({
      hopLimit: 64,
      managed: false,
      otherConfiguration: false,
      routerLifetimeSeconds: 1800,
      reachableTimeMs: 0,
      retransmitTimerMs: 0,
      prefixes: [],
    });
    const ends = { source: GUEST_LINK_LOCAL, destination: ip6('ff02::1') };
    const rogue = ipFrame(icmpv6MessagePacket(ends, body, 255), '33:33:00:00:00:01');
    const far = solicitation({}, GUEST_LINK_LOCAL, 64);
    expect(stage.send(gateway, rogue, far)).toEqual([]);
    expect(Object.fromEntries(gateway.port.counters.drops)).toEqual({ 'rogue-router': 1, malformed: 1 });
  });
});
