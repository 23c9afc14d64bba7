import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Campus } from '../campus.js';
import { fetchText } from '../host-services.js';

/** What is particular to the embedded engine: its process may die under traffic, and machines find the next one. */
export function restart(campus: () => Campus): void {
  it('gives running machines their network back after a kill -9 of the fabric under traffic', async () => {
    const { stage, ports, web1, e1, hostWeb } = campus();
    const transfer = web1.run(`timeout 20 wget -q -O - http://10.10.10.1:${hostWeb.port}/slow/30`, {
      timeoutMs: 40_000,
    });
    const pidFile = join(stage.directory, 'run/passerelle/campus/fabric.pid');
    process.kill(Number((await readFile(pidFile, 'utf8')).split(' ')[0]), 'SIGKILL');
    await stage.must('up');
    const began = Date.now();
    await expect
      .poll(() => fetchText(ports.http, '/name').catch(() => ''), { timeout: 10_000 })
      .toBe('web1\n');
    expect(Date.now() - began).toBeLessThan(10_000);
    expect((await e1.run('ping -c 1 -W 2 10.20.2.11')).status).toBe(0);
    // The connection of before is reset, not left to hang: its other end is gone.
    expect((await transfer).status).not.toBe(0);
    const leases = await stage.json<{ address: string }[]>('leases');
    expect(leases.map((lease) => lease.address)).toContain('10.10.10.11');
  });

  it('captures what passes a NIC, in pcapng that others read', async () => {
    const { stage, e1 } = campus();
    const path = join(stage.directory, 'e1.pcapng');
    const capture = stage.start('capture', 'e1', '--output', path);
    const seen = async (): Promise<string> => {
      await e1.must('ping -c 1 -W 2 10.20.1.1');
      return (await stage.run('tshark', '-r', path, '-Y', 'icmp')).stdout;
    };
    await expect
      .poll(seen, { timeout: 20_000, interval: 500 })
      .toMatch(/10\.20\.1\.11 .*10\.20\.1\.1 .*Echo \(ping\) request/);
    capture.kill('SIGINT');
    await capture.ended;
    expect((await stage.run('tshark', '-r', path)).status).toBe(0);
  });
}
