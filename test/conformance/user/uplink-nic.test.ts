/** Mode bridge of the user engine on a NIC that is nobody's, with a namespace as machine; and what is refused. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { whySkipped } from '../../lab/prerequisites.js';
import { Stage } from '../stage.js';
import { enterWords, OFFICE, World } from '../world.js';

const PROJECT = `nic${process.pid.toString(36)}`;
const BOX = `passerelle-user:${PROJECT}:box`;

const reason = whySkipped({ root: true, programs: ['ip', 'busybox', 'nsenter', 'dnsmasq', 'curl'] });
if (reason !== undefined) console.log(`skipped: ${reason}`);

describe.skipIf(reason !== undefined)('mode bridge on a NIC', () => {
  let world: World;
  let stage: Stage;
  let stoodBefore: string;

  const file = (uplink: string, more = '') => `project: ${PROJECT}
networks:
  lan:
    mode: bridge
    uplink: ${uplink}
${more}
machines:
  box: { nics: [{ network: lan, attach: netns }] }
`;

  async function box(line: string): Promise<string> {
    const words = ['netns', 'exec', BOX, 'sh', '-c', line];
    return (await promisify(execFile)('ip', words, { timeout: 30_000 })).stdout.trim();
  }

  /** @returns the address that the LAN gave. */
  async function askForLease(): Promise<string> {
    const script = join(stage.directory, 'lease');
    const text = '#!/bin/sh\n[ "$1" = bound ] && ip address replace "$ip/$mask" dev "$interface"\nexit 0\n';
    await writeFile(script, text, { mode: 0o755 });
    await box(`busybox udhcpc -q -n -t 10 -T 1 -i ${await tap()} -s ${script}`);
    return box(`ip -4 -o address show dev ${await tap()} | sed 's/.*inet \\([^/]*\\).*/\\1/'`);
  }

  async function tap(): Promise<string> {
    return box("ip -o link | grep -v ' lo:' | cut -d: -f2 | tr -d ' '");
  }

  const refused = async (yaml: string): Promise<string> => {
    await stage.write(yaml);
    const { status, stdout, stderr } = await stage.passerelle('up');
    expect(status).not.toBe(0);
    return stdout + stderr;
  };

  beforeAll(async () => {
    world = await World.open();
    const host = world.namespaceOf('host');
    stage = await Stage.open({ enter: enterWords(host), isRoot: true, environment: {} });
  }, 240_000);
  afterAll(async () => {
    await stage?.close();
    await world?.[Symbol.asyncDispose]();
  });

  it('refuses a NIC that has the host’s addresses, with what works instead, and touches nothing', async () => {
    const before = world.dump();
    expect(await refused(file('lan1'))).toMatch(
      /passerelle\.yaml:5:13: error: lan1 cannot be the uplink of lan: it has the host's address 198\.51\.100\.2[^]*user\/uplink-not-free[^]*engine: linux/,
    );
    expect(await refused(file('lan7'))).toContain('user/no-such-uplink');
    expect(await refused(file('default'))).toContain("it has the host's address 192.0.2.2");
    expect(await refused(file('lan1', '    mtu: 1400'))).toContain('write `mtu: 1500`');
    expect(world.dump()).toBe(before);
  });

  it('refuses an ordinary user, with the place', async () => {
    const ordinary = await Stage.open({
      enter: enterWords(world.namespaceOf('host')),
      isRoot: false,
      environment: {},
    });
    await ordinary.write(file('lan1').replace(', attach: netns', ''));
    const { status, stdout, stderr } = await ordinary.passerelle('up');
    expect(status).not.toBe(0);
    expect(stdout + stderr).toMatch(/passerelle\.yaml:4:11: error: .*user\/bridge-needs-root/);
    await ordinary.close();
  });

  it('takes a NIC without addresses: the LAN gives the machine one and sees its MAC', async () => {
    await world.must('host', 'ip address flush dev lan1');
    await world.must('host', 'sysctl -qw net.ipv6.conf.lan1.disable_ipv6=1');
    stoodBefore = world.dump();
    await stage.write(file('lan1'));
    await stage.must('up');
    const address = await askForLease();
    expect(address).toMatch(/^198\.51\.100\.1[0-2]\d$/);
    await world.must('office', `ping -n -c 2 -W 2 ${address}`);
    await box(`ping -n -c 2 -W 2 ${OFFICE}`);
    const mac = await box(`ip -o link show ${await tap()} | sed 's/.*ether \\([^ ]*\\).*/\\1/'`);
    expect(await world.must('office', `ip neigh show ${address}`)).toContain(mac);
    expect((await stage.passerelle('plan')).status).toBe(0);
  });

  it('carries whole 64 KB frames both ways, byte for byte', async () => {
    const serve = `busybox httpd -f -p 8088 -h ${stage.directory}`;
    await world.must('office', `head -c 20000000 /dev/urandom >${stage.directory}/big`);
    const sum = (await world.must('office', `md5sum <${stage.directory}/big`)).slice(0, 32);
    await world.must('office', `sh -c '${serve} >/dev/null 2>&1 & echo $! >${stage.directory}/httpd'`);
    expect(await box(`busybox wget -q -O - http://${OFFICE}:8088/big | md5sum`)).toContain(sum);
    await world.must('office', `kill $(cat ${stage.directory}/httpd)`);
    await box(`${serve} >/dev/null 2>&1 & echo $! >${stage.directory}/httpd`);
    const address = await box(`ip -4 -o address show dev ${await tap()} | sed 's/.*inet \\([^/]*\\).*/\\1/'`);
    expect(await world.must('office', `curl -sSm 20 http://${address}:8088/big | md5sum`)).toContain(sum);
    await box(`kill $(cat ${stage.directory}/httpd)`);
  });

  it('lets the machine speak as itself only, and keeps VLANs of the LAN out', async () => {
    const device = await tap();
    await box(`ip link add link ${device} name other0 address 02:00:00:00:00:77 type macvlan mode private`);
    await box('ip address add 198.51.100.77/24 dev other0 && ip link set other0 up');
    await expect(box(`ping -n -c 2 -W 1 -I other0 ${OFFICE}`)).rejects.toThrow();
    await box('ip link del other0');
    const tagged = 'b"\\xff" * 6 + bytes.fromhex("020000000099" + "81000005" + "88b5") + bytes(60)';
    const program = `import socket; s = socket.socket(17, 3); s.bind(("lan1", 0)); [s.send(${tagged}) for _ in range(5)]`;
    await world.must('office', `python3 -c '${program}'`);
    const text = await stage.must('status');
    expect(text).toMatch(/lan: LAN, \d+ frames in, \d+ out, vlan-tagged 5/);
    expect(text).toContain('spoofed-mac');
  });

  it('comes back after a kill, and leaves nothing when it is down', async () => {
    const pid = await readFile(join(stage.directory, `run/passerelle/${PROJECT}/fabric.pid`), 'utf8');
    process.kill(Number(pid.split(' ')[0]), 'SIGKILL');
    await expect.poll(() => world.dump(), { timeout: 10_000 }).toBe(stoodBefore);
    await stage.must('up');
    const address = await askForLease();
    await world.must('office', `ping -n -c 2 -W 2 ${address}`);
    await stage.must('down');
    expect(world.dump()).toBe(stoodBefore);
  });
});
