import { expect, it } from 'vitest';
import type { Change, Resource } from '../../../plan/resource.js';
import { blockOf, changedBlocks, DhcpFiles, instancesOf } from './dhcp-files.js';
import { dhcpCommands } from './dhcp-commands.js';

const host = (name: string, instance: string, ipv4 = '10.0.0.11'): Resource => ({
  id: `linux/dhcp-host/${name}`,
  provider: 'linux',
  kind: 'dhcp-host',
  properties: {
    instance,
    mac: '52:54:00:00:00:01',
    name: 'web1',
    domain: 'shop.internal',
    ipv4,
    ipv6: null,
    network: 'web',
  },
  needs: [],
  affects: [],
});
const server: Resource = {
  id: 'linux/dnsmasq/main',
  provider: 'linux',
  kind: 'dnsmasq',
  properties: { namespace: null, upstream: 'host', isCurrent: true },
  needs: [],
  affects: [],
};
const files = new DhcpFiles('linux', {
  runDir: '/run/passerelle/shop',
  stateDir: '/var/lib/passerelle/shop',
});

it('keeps out of the file what only the plan needs to know', () => {
  expect(blockOf(server)).toEqual({
    kind: 'dnsmasq',
    name: 'main',
    value: { namespace: null, upstream: 'host' },
  });
  expect(blockOf(host('web1/0', 'main')).value).not.toHaveProperty('instance');
});

it('changes an instance block by block, and moves what goes to another', () => {
  const standing = [blockOf(server), blockOf(host('web1/0', 'main')), blockOf(host('web2/0', 'main'))];
  const moved: Change = {
    action: 'update',
    before: host('web1/0', 'main'),
    after: host('web1/0', 'dns.1234'),
    changed: ['instance'],
  };
  expect([...instancesOf(moved)]).toEqual(['main', 'dns.1234']);
  expect(changedBlocks(standing, 'main', [moved]).map(({ name }) => name)).toEqual(['main', 'web2/0']);
  expect(changedBlocks([], 'dns.1234', [moved]).map(({ name }) => name)).toEqual(['web1/0']);

  const readdressed: Change = {
    action: 'update',
    before: host('web1/0', 'main'),
    after: host('web1/0', 'main', '10.0.0.99'),
    changed: ['ipv4'],
  };
  expect(changedBlocks(standing, 'main', [readdressed])[1]?.value).toMatchObject({ ipv4: '10.0.0.99' });
  expect(
    changedBlocks(standing, 'main', [{ action: 'delete', before: server }]).map(({ kind }) => kind),
  ).toEqual(['dhcp-host', 'dhcp-host']);
});

it('types what it does', () => {
  const [directories, append] = dhcpCommands(files, { action: 'create', after: host('web1/0', 'main') });
  expect(directories).toBe(
    'install -d -m 700 /run/passerelle/shop/linux/dnsmasq /var/lib/passerelle/shop/linux',
  );
  expect(append).toMatch(
    /^printf '%s\\n' '# dhcp-host web1\/0 \{.*\}' dhcp-host=52:54.* '' >> \/run\/passerelle\/shop\/linux\/dnsmasq\/main\.conf$/,
  );
  expect(dhcpCommands(files, { action: 'create', after: server }).at(-1)).toBe(
    'dnsmasq --conf-file=/run/passerelle/shop/linux/dnsmasq/main.conf',
  );
  expect(dhcpCommands(files, { action: 'delete', before: server })[1]).toContain('kill "$pid"');
});
