import { describe, expect, it } from 'vitest';
import { formatIpv4, parseIpv4 } from '../../../wire/address.js';
import { decodeClasslessRoutes, DhcpOption } from '../../../wire/dhcp-options.js';
import { decodeDomainNames } from '../../../wire/domain-name.js';
import type { FabricNetwork } from '../../control/protocol.js';
import { dhcpSettingsOf, isPooled, MAX_POOL_ADDRESSES } from './settings.js';
import { web as narrow, web1 } from '../../../../test/fabric/web-network.js';

const web: FabricNetwork = {
  ...narrow,
  mtuBytes: 65520,
  dhcp: { rangeFirst: '10.10.10.0', rangeLast: '10.10.10.255', leaseSeconds: 3600 },
};

describe('dhcpSettingsOf', () => {
  it('keeps gateway, machines, network and broadcast address out of the pool', () => {
    const settings = dhcpSettingsOf(web, [web1]);
    const free = Array.from({ length: 256 }, (_, last) => parseIpv4(`10.10.10.${last}`) ?? 0).filter(
      (address) => settings !== undefined && isPooled(settings.pool, address),
    );
    expect(free.length).toBe(252);
    for (const text of ['10.10.10.0', '10.10.10.1', '10.10.10.11', '10.10.10.255']) {
      expect(free.map(formatIpv4)).not.toContain(text);
    }
  });

  it('keeps the range inside the subnet and bounded', () => {
    const wide = dhcpSettingsOf(
      {
        ...web,
        ipv4: { address: '10.0.0.0', prefixLength: 8, gateway: '10.0.0.1' },
        dhcp: { rangeFirst: '9.0.0.0', rangeLast: '11.0.0.0', leaseSeconds: 1 },
      },
      [],
    );
    expect(wide?.pool.first).toBe(parseIpv4('10.0.0.0'));
    expect(wide?.pool.size).toBe(MAX_POOL_ADDRESSES);
    const reversed = { rangeFirst: '10.10.10.9', rangeLast: '10.10.10.3', leaseSeconds: 1 };
    expect(dhcpSettingsOf({ ...web, dhcp: reversed }, [])?.pool.size).toBe(0);
  });

  it('tells mask, router, servers, domain, MTU, broadcast, search list and routes', () => {
    const options = dhcpSettingsOf(web, [])?.options;
    const hex = (code: number) => options?.get(code)?.toString('hex');
    expect(hex(DhcpOption.subnetMask)).toBe('ffffff00');
    expect(hex(DhcpOption.router)).toBe('0a0a0a01');
    expect(hex(DhcpOption.domainNameServer)).toBe('0a0a0a01');
    expect(hex(DhcpOption.interfaceMtu)).toBe('fff0');
    expect(hex(DhcpOption.broadcastAddress)).toBe('0a0a0aff');
    expect(options?.get(DhcpOption.domainName)?.toString()).toBe('shop.internal');
    expect(decodeDomainNames(options?.get(DhcpOption.domainSearch) ?? Buffer.alloc(0))).toEqual([
      'shop.internal',
    ]);
    expect(decodeClasslessRoutes(options?.get(DhcpOption.classlessRoutes) ?? Buffer.alloc(0))).toEqual([
      { address: 0, prefixLength: 0, router: parseIpv4('10.10.10.1') },
    ]);
  });

  it('gives an isolated network no way out', () => {
    const options = dhcpSettingsOf({ ...web, mode: 'isolated' }, [])?.options;
    expect(options?.has(DhcpOption.router)).toBe(false);
    expect(options?.has(DhcpOption.classlessRoutes)).toBe(false);
    expect(options?.has(DhcpOption.subnetMask)).toBe(true);
  });

  it('serves nothing without IPv4 or DHCP', () => {
    const { ipv4: _ipv4, ...withoutIpv4 } = web;
    const { dhcp: _dhcp, ...withoutDhcp } = web;
    expect(dhcpSettingsOf(withoutIpv4, [])).toBeUndefined();
    expect(dhcpSettingsOf(withoutDhcp, [])).toBeUndefined();
  });
});
