import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HostBridge } from '../engines/contract.js';
import { RENDERERS, type Tool } from './configuration.js';
import type { ConfigurationFile } from './configuration-file.js';

const fixed: HostBridge = {
  network: 'lan',
  bridge: 'psl0123abcd',
  nic: 'eth0',
  mac: '02:00:00:00:00:01',
  mtuBytes: 9000,
  speaksStp: false,
  ipv4Dhcp: false,
  ipv6Auto: false,
  ipv6Dhcp: false,
  addresses: ['192.0.2.2/24', '192.0.2.20/24', '2001:db8:2::2/64'],
  routes: [
    { family: 4, destination: 'default', gateway: '192.0.2.1' },
    { family: 4, destination: '198.51.100.0/24', gateway: '192.0.2.9', metric: 7 },
    { family: 6, destination: 'default', gateway: '2001:db8:2::1' },
  ],
  resolvers: ['192.0.2.53', '2001:db8:2::53'],
  searchDomains: ['lan.example'],
};

const given: HostBridge = {
  ...fixed,
  mtuBytes: 1500,
  ipv4Dhcp: true,
  ipv6Auto: true,
  addresses: [],
  routes: [],
  resolvers: [],
  searchDomains: [],
};

const render = (tool: Tool, bridge: HostBridge): string =>
  RENDERERS[tool](bridge)
    .map(({ path, text }: ConfigurationFile) => `# ${path}\n${text}`)
    .join('\n');

describe('the host’s bridge in the words of', () => {
  it('ifupdown', async () => {
    await expect(render('ifupdown', fixed)).toMatchFileSnapshot('golden/fixed.ifupdown');
    await expect(render('ifupdown', given)).toMatchFileSnapshot('golden/given.ifupdown');
  });
  it('netplan', async () => {
    await expect(render('netplan', fixed)).toMatchFileSnapshot('golden/fixed.netplan');
    await expect(render('netplan', given)).toMatchFileSnapshot('golden/given.netplan');
  });
  it('systemd-networkd', async () => {
    await expect(render('systemd-networkd', fixed)).toMatchFileSnapshot('golden/fixed.systemd-networkd');
    await expect(render('systemd-networkd', given)).toMatchFileSnapshot('golden/given.systemd-networkd');
  });
  it('NetworkManager', async () => {
    await expect(render('networkmanager', fixed)).toMatchFileSnapshot('golden/fixed.networkmanager');
    await expect(render('networkmanager', given)).toMatchFileSnapshot('golden/given.networkmanager');
  });
});

/** The tools themselves, where they are installed: nothing of the host's own is read or written. */
describe('is understood by the tool itself:', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'psl-export-'));
  });
  afterEach(() => {
    rmSync(root, { recursive: true, force: true });
  });

  const isInstalled = (program: string): boolean => {
    try {
      execFileSync('sh', ['-c', `command -v ${program}`]);
      return true;
    } catch {
      return false;
    }
  };
  const written = (tool: Tool, bridge: HostBridge): string[] =>
    RENDERERS[tool](bridge).map(({ path, text }) => {
      const target = join(root, path);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, text);
      chmodSync(target, 0o600);
      return target;
    });

  it.skipIf(!isInstalled('ifquery'))('ifquery', () => {
    const [path = ''] = written('ifupdown', fixed);
    const said = execFileSync('ifquery', ['--interfaces', path, fixed.bridge], { encoding: 'utf8' });
    for (const line of ['address: 192.0.2.2', 'bridge_ports: eth0', 'gateway: 192.0.2.1'])
      expect(said).toContain(line);
    const listed = execFileSync('ifquery', ['--interfaces', path, '--list'], { encoding: 'utf8' });
    expect(listed.split('\n')).toContain(fixed.bridge);
  });

  it.skipIf(!isInstalled('netplan'))('netplan generate', () => {
    written('netplan', fixed);
    execFileSync('netplan', ['generate', '--root-dir', root]);
    const units = join(root, 'run/systemd/network');
    expect(readdirSync(units)).toContain(`10-netplan-${fixed.bridge}.netdev`);
    const network = execFileSync('cat', [join(units, `10-netplan-${fixed.bridge}.network`)], {
      encoding: 'utf8',
    });
    for (const line of ['Address=192.0.2.20/24', 'Gateway=2001:db8:2::1', 'DNS=192.0.2.53'])
      expect(network).toContain(line);
  });

  it.skipIf(!isInstalled('nmcli'))('nmcli', () => {
    for (const path of written('networkmanager', fixed)) {
      const said = execFileSync(
        'sh',
        ['-c', `nmcli --offline connection modify autoconnect yes < "${path}"`],
        {
          encoding: 'utf8',
        },
      );
      expect(said).toContain('interface-name=');
    }
  });
});
