import { describe, expect, it } from 'vitest';
import { ip4, ip6, network } from '../../../test/fabric/gateway-stage.js';
import { RouteTable } from './route-table.js';
import { type GatewaySettings, settingsOf } from './settings.js';

interface Member {
  settings: GatewaySettings;
}

function member(ipv4: [string, number] | undefined, ipv6: [string, number] | undefined): Member {
  const subnet = (part: [string, number]): { address: string; prefixLength: number; gateway: string } => ({
    address: part[0],
    prefixLength: part[1],
    gateway: part[0],
  });
  const { ipv4: _4, ipv6: _6, ...rest } = network();
  return {
    settings: settingsOf(
      {
        ...rest,
        ...(ipv4 === undefined ? {} : { ipv4: subnet(ipv4) }),
        ...(ipv6 === undefined ? {} : { ipv6: subnet(ipv6) }),
      },
      [],
    ),
  };
}

describe('route table', () => {
  const small = member(['10.0.0.0', 24], ['fd00:0:0:1::', 64]);
  const large = member(['172.16.0.0', 12], ['fd01::', 48]);
  const narrow = member(undefined, ['fd00:0:0:2::100', 120]);

  it('finds the network of an address, whatever the prefix length', () => {
    const table = new RouteTable<Member>();
    for (const entry of [small, large, narrow]) table.add(entry);
    const cases: [string, Member | undefined][] = [
      ['10.0.0.0', small],
      ['10.0.0.255', small],
      ['10.0.1.0', undefined],
      ['172.31.255.255', large],
      ['172.32.0.0', undefined],
    ];
    for (const [text, expected] of cases) expect(table.lookupIpv4(ip4(text))).toBe(expected);
    const cases6: [string, Member | undefined][] = [
      ['fd00:0:0:1::9', small],
      ['fd00:0:0:3::9', undefined],
      ['fd01:0:0:ffff::', large],
      ['fd01:0:1::', undefined],
      ['fd00:0:0:2::1ff', narrow],
      ['fd00:0:0:2::200', undefined],
    ];
    for (const [text, expected] of cases6) expect(table.lookupIpv6(Buffer.from(ip6(text)), 0)).toBe(expected);
  });

  it('follows members that come, change and go', () => {
    const table = new RouteTable<Member>();
    const moving = member(['10.0.0.0', 24], undefined);
    table.add(moving);
    moving.settings = member(['10.9.0.0', 24], undefined).settings;
    table.rebuild();
    expect(table.lookupIpv4(ip4('10.0.0.1'))).toBeUndefined();
    expect(table.lookupIpv4(ip4('10.9.0.1'))).toBe(moving);
    table.remove(moving);
    expect(table.lookupIpv4(ip4('10.9.0.1'))).toBeUndefined();
  });
});
