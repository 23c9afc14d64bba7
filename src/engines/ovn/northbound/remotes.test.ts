import { describe, expect, it } from 'vitest';
import { chassisOf, type OvnHost } from '../host.js';
import { northboundRemotes } from './remotes.js';

const host: Pick<OvnHost, 'northbound' | 'runDirectory'> = { runDirectory: '/run/ovn' };

function chassis(ids: Readonly<Record<string, string>>) {
  return chassisOf(new Map([['external_ids', new Map(Object.entries(ids))]]));
}

describe('where the northbound database is', () => {
  const told = (southbound: string) => chassis({ 'system-id': 'kvm1', 'ovn-remote': southbound })!;

  it('beside the southbound one: on the same machine, at its own port, or in the run directory', () => {
    expect(northboundRemotes(host, told('tcp:192.0.2.1:6642'))).toEqual(['tcp:192.0.2.1:6641']);
    expect(northboundRemotes(host, told('tcp:[2001:db8::1]:6642'))).toEqual(['tcp:[2001:db8::1]:6641']);
    expect(northboundRemotes(host, told('unix:/var/run/ovn/ovnsb_db.sock'))).toEqual([
      'unix:/run/ovn/ovnnb_db.sock',
    ]);
  });

  it('each of a cluster is tried, once', () => {
    expect(northboundRemotes(host, told('tcp:192.0.2.1:6642, tcp:192.0.2.2:6642'))).toEqual([
      'tcp:192.0.2.1:6641',
      'tcp:192.0.2.2:6641',
    ]);
  });

  it('where OVN_NB_DB says, whatever else is said', () => {
    const said = { ...host, northbound: 'tcp:198.51.100.7:16641,unix:/tmp/nb.sock' };
    expect(northboundRemotes(said, told('tcp:192.0.2.1:6642'))).toEqual([
      'tcp:198.51.100.7:16641',
      'unix:/tmp/nb.sock',
    ]);
  });
});

describe('what makes a host a chassis', () => {
  it('is its name and where the databases are; without either it is none', () => {
    expect(chassis({ 'system-id': 'kvm1' })).toBeUndefined();
    expect(chassis({ 'ovn-remote': 'tcp:192.0.2.1:6642' })).toBeUndefined();
    expect(
      chassis({
        'system-id': 'kvm1',
        'ovn-remote': 'tcp:192.0.2.1:6642',
        'ovn-bridge-mappings': 'office:br-office, dmz:br-dmz',
        'ovn-encap-ip': '192.0.2.1,198.51.100.1',
      }),
    ).toEqual({
      name: 'kvm1',
      southbound: 'tcp:192.0.2.1:6642',
      bridge: 'br-int',
      physicalNetworks: ['office', 'dmz'],
      encapsulationAddresses: ['192.0.2.1', '198.51.100.1'],
    });
  });
});
