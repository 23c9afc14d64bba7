import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLinuxEngine } from '../../../src/engines/linux/linux-engine.js';
import { linkLocalOf } from '../../../src/engines/kernel-gateway/link-local.js';
import type { Engine } from '../../../src/engines/contract.js';
import { converge } from './converge.js';
import { NamespaceLab, PROJECT, machine, whyNot } from './namespace-lab.js';
import { topologyOf } from './topologies.js';

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const mallory = machine('mallory');
const free = machine('free');
const web2 = machine('web2');

describe.skipIf(reason !== undefined)('anti-spoofing at the port', () => {
  let lab: NamespaceLab;
  let engine: Engine;
  const topology = topologyOf(PROJECT, [{ name: 'web', mode: 'nat', net: '10.77.1', net6: 'fd00:77:1::' }], {
    web1: [{ network: 'web', host: 11 }],
    web2: [{ network: 'web', host: 12 }],
    mallory: [{ network: 'web', host: 66 }],
    free: [{ network: 'web', host: 77, antiSpoofing: false }],
  });
  const nicOf = (machine: string): { mac: string; ipv6: string } => {
    const nic = topology.machines.find(({ name }) => name === machine)?.nics[0];
    return { mac: nic?.mac ?? '', ipv6: nic?.ipv6 ?? '' };
  };
  const network = topology.networks[0];

  /** Packets that the rule has dropped, in whichever chains it stands. */
  const dropped = (rule: string): number => {
    const text = lab.must(lab.host, `nft list table bridge passerelle.${PROJECT}.linux`);
    const counts = [...text.matchAll(new RegExp(`packets (\\d+) .*comment "${rule} `, 'g'))];
    expect(counts, `no rule named ${rule}`).not.toEqual([]);
    return counts.reduce((sum, [, packets]) => sum + Number(packets), 0);
  };

  beforeAll(async () => {
    lab = new NamespaceLab();
    engine = createLinuxEngine({ project: PROJECT, places: lab.places }, { namespace: lab.host });
    await converge(engine, topology);
  });
  afterAll(async () => {
    try {
      await converge(engine, undefined);
    } finally {
      await lab.close();
    }
  });

  it('lets honest machines through', () => {
    for (const address of ['10.77.1.1', '10.77.1.12', 'fd00:77:1::1', nicOf('web2').ipv6]) {
      expect(lab.pings(mallory, address), address).toBe(true);
    }
  });

  it('drops another MAC', () => {
    const change = (namespace: string, mac: string): string =>
      lab.must(namespace, `ip link set eth0 address ${mac}; ip neigh flush dev eth0`);
    change(mallory, '52:54:00:66:66:66');
    expect(lab.pings(mallory, '10.77.1.12')).toBe(false);
    expect(dropped('own-mac')).toBeGreaterThan(0);
    change(mallory, nicOf('mallory').mac);
    expect(lab.pings(mallory, '10.77.1.12')).toBe(true);
    // The same where it is switched off: nothing else is in the way.
    change(free, '52:54:00:77:77:77');
    expect(lab.pings(free, '10.77.1.12')).toBe(true);
    change(free, nicOf('free').mac);
  });

  it('drops another IPv4 address, claimed by a neighbour or by nobody', () => {
    for (const address of ['10.77.1.11', '10.77.1.200']) {
      lab.must(mallory, `ip address add ${address}/24 dev eth0; ip neigh flush dev eth0`);
      lab.must(web2, 'ip neigh flush dev eth0');
      expect(lab.say(mallory, `ping -c 2 -i 0.2 -W 1 -I ${address} 10.77.1.12`).ok, address).toBe(false);
      lab.must(mallory, `ip address del ${address}/24 dev eth0`);
    }
    lab.must(
      mallory,
      'ip neigh replace 10.77.1.12 lladdr ff:ff:ff:ff:ff:ff dev eth0 && ip address add 10.77.1.200/24 dev eth0',
    );
    lab.say(mallory, 'ping -c 2 -i 0.2 -W 1 -I 10.77.1.200 10.77.1.12');
    lab.must(mallory, 'ip address del 10.77.1.200/24 dev eth0; ip neigh flush dev eth0');
    expect(dropped('ip4-own-address')).toBeGreaterThan(0);
    lab.must(free, 'ip address add 10.77.1.201/24 dev eth0');
    expect(lab.say(free, 'ping -c 2 -i 0.2 -W 1 -I 10.77.1.201 10.77.1.12').ok).toBe(true);
    lab.must(free, 'ip address del 10.77.1.201/24 dev eth0');
  });

  it('drops ARP that claims the gateway', () => {
    const gatewayMac = (): string => lab.must(web2, 'ip neigh show 10.77.1.1');
    const claim = (namespace: string): string =>
      lab.must(
        namespace,
        'ip address add 10.77.1.1/32 dev eth0; busybox arping -U -c 2 -I eth0 -s 10.77.1.1 10.77.1.1; ip address del 10.77.1.1/32 dev eth0',
      );
    lab.must(web2, 'sysctl -qw net.ipv4.neigh.eth0.locktime=0');
    lab.pings(web2, '10.77.1.1');
    claim(mallory);
    expect(gatewayMac()).toContain(network?.gatewayMac);
    expect(dropped('arp-own-address')).toBeGreaterThan(0);
    claim(free);
    expect(gatewayMac()).toContain(nicOf('free').mac);
    lab.must(web2, 'ip neigh flush dev eth0');
  });

  it('drops another IPv6 address and the link-local address of the gateway', () => {
    const gateway = linkLocalOf(network?.gatewayMac ?? '');
    for (const [address, target] of [
      ['fd00:77:1::bad', nicOf('web2').ipv6],
      [nicOf('web1').ipv6, nicOf('web2').ipv6],
      [gateway, `${linkLocalOf(nicOf('web2').mac)}%eth0`],
    ] as const) {
      lab.must(mallory, `ip address add ${address}/64 dev eth0 nodad`);
      const zone = address.startsWith('fe80') ? '%eth0' : '';
      expect(lab.say(mallory, `ping -6 -c 2 -i 0.2 -W 1 -I ${address}${zone} ${target}`).ok, address).toBe(
        false,
      );
      lab.must(mallory, `ip address del ${address}/64 dev eth0`);
    }
    expect(dropped('ip6-own-address') + dropped('claims-other')).toBeGreaterThan(0);
    expect(dropped('gateway-link-local') + dropped('claims-gateway')).toBeGreaterThan(0);
  });

  it("drops ND that claims a neighbour's address", () => {
    const victim = nicOf('web1').ipv6;
    lab.must(mallory, `ip address add ${victim}/64 dev eth0 nodad`);
    for (let round = 0; round < 5; round++) {
      lab.must(web2, 'ip neigh flush dev eth0');
      expect(lab.pings(web2, victim)).toBe(true);
      expect(lab.must(web2, `ip neigh show ${victim}`)).toContain(nicOf('web1').mac);
    }
    lab.must(mallory, `ip address del ${victim}/64 dev eth0`);
    expect(dropped('claims-other')).toBeGreaterThan(0);
  });

  it('drops the answers of a DHCP server and the advertisements of a router', async () => {
    const config = join(lab.places.runDir, 'rogue.conf');
    writeFileSync(
      config,
      [
        'interface=eth0',
        'bind-interfaces',
        'port=0',
        'no-ping',
        'dhcp-authoritative',
        'enable-ra',
        'keep-in-foreground',
        'dhcp-range=10.77.1.210,10.77.1.220,1h',
        'dhcp-range=fd00:666::,ra-only',
        'user=root',
        `dhcp-leasefile=${lab.places.runDir}/rogue.leases`,
      ].join('\n'),
    );
    lab.must(mallory, 'ip address add fd00:666::1/64 dev eth0 nodad');
    const rogue = lab.background(mallory, ['dnsmasq', `--conf-file=${config}`]);
    await sleep(700);
    for (let round = 0; round < 3; round++) {
      const report = lab.must(web2, 'busybox udhcpc -i eth0 -n -q -f -t 3 -T 1 -s /bin/true 2>&1');
      expect(report).toContain('lease of 10.77.1.12 obtained from 10.77.1.1');
    }
    lab.must(
      web2,
      'sysctl -qw net.ipv6.conf.eth0.accept_ra=2; busybox ping -6 -c 1 -W 1 ff02::2%eth0 || true',
    );
    await sleep(800);
    expect(lab.must(web2, 'ip -6 address show dev eth0')).not.toContain('fd00:666');
    expect(dropped('dhcp-server')).toBeGreaterThan(0);
    expect(dropped('router-advert')).toBeGreaterThan(0);
    rogue.kill('SIGTERM');
  });
});
