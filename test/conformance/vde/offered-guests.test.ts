/** `vde: true` on the user engine: a machine of the file and a guest with an old command line, `-netdev vde`, meet. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Guest, virtioNic } from '../../lab/guest.js';
import { startByHand, startWith } from '../hand-started.js';
import { Stage } from '../stage.js';
import { whyNot } from './vde-lab.js';

const reason = whyNot('qemu-system-x86_64');
if (reason !== undefined) console.log(`skipped: ${reason}`);

describe.skipIf(reason !== undefined)('a network of the embedded engine that offers VDE', () => {
  let stage: Stage;
  let machine: Guest;
  let guest: Guest;

  beforeAll(async () => {
    stage = await Stage.open();
    await stage.write(`project: vdeon
engine: user
networks:
  back: { mode: isolated, ipv4: 10.40.0.0/24, dhcp: true, vde: true }
machines:
  m1: { nics: [{ network: back, ipv4: 10.40.0.11 }] }
`);
    await stage.must('up');
    const directory = join(stage.directory, 'run/passerelle/vdeon/vde/back');
    const nic = virtioNic('n0', `vde,id=n0,sock=${directory}`, '52:54:00:00:40:99');
    [machine, guest] = [await startByHand(stage, 'm1'), await startWith(stage, 'old', nic)];
    await Promise.all([machine.ready(), guest.ready()]);
  }, 200_000);
  afterAll(() => stage.close());

  it('gives the guest an address, and carries megabytes both ways', async () => {
    const [address = ''] = /10\.40\.0\.\d+/.exec(await guest.must('ip -4 -o addr show eth0')) ?? [];
    expect(address).not.toBe('10.40.0.11');
    await machine.must(`ping -c 2 -W 3 ${address}`);
    for (const [from, to, target] of [
      [machine, guest, address],
      [guest, machine, '10.40.0.11'],
    ] as const) {
      const fetched = await from.must(
        `timeout 100 wget -q -O - "http://${target}/cgi-bin/big?4194304" | md5sum`,
        { timeoutMs: 110_000 },
      );
      expect(fetched).toBe(await to.must('/www/cgi-bin/big 2>/dev/null | tail -c 4194304 | md5sum'));
    }
    expect(await stage.must('status')).toContain('back: 1 plugged in by VDE');
  }, 240_000);

  it("does not let it take the machine's address", async () => {
    await guest.must('ip address add 10.40.0.11/24 dev eth0');
    const stolen = await guest.run('ping -c 1 -W 1 -I 10.40.0.11 10.40.0.1');
    await guest.must('ip address del 10.40.0.11/24 dev eth0');
    expect(stolen.status).not.toBe(0);
  });
});
