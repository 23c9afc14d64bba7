import { expect, it } from 'vitest';
import type { Campus } from '../campus.js';

/** Machines get the addresses that the file and the topology promise, and `status` and `leases` say the same. */
export function addressing(campus: () => Campus): void {
  it('leases the addresses of the file', async () => {
    const { web1, db1, e1 } = campus();
    expect(await web1.must('ip -4 -o addr show eth0')).toContain('10.10.10.11/24');
    expect(await web1.must('ip -4 -o addr show eth1')).toContain('10.10.20.11/24');
    expect(await db1.must('ip -4 -o addr show eth0')).toContain('10.10.20.12/24');
    expect(await e1.must('ip -4 -o addr show eth0')).toContain('10.20.1.11/24');
    const leases = await campus().stage.json<{ address: string; machine: string }[]>('leases');
    expect(leases).toContainEqual(expect.objectContaining({ address: '10.10.10.11', machine: 'web1' }));
  });

  it('gives a default route on nat and routed, none on isolated', async () => {
    const { web1, db1, e1 } = campus();
    expect(await web1.must('ip route')).toMatch(/default via 10\.10\.10\.1 dev eth0/);
    expect(await e1.must('ip route')).toMatch(/default via 10\.20\.1\.1 dev eth0/);
    expect(await db1.must('ip route')).not.toContain('default');
  });

  it('forms the IPv6 address that the topology says', async () => {
    const { stage, e1 } = campus();
    const { machines } = await stage.json<{ machines: { name: string; nics: { ipv6: string }[] }[] }>(
      'validate',
    );
    const promised = machines.find((machine) => machine.name === 'e1')?.nics[0]?.ipv6;
    expect(promised).toBeDefined();
    await expect
      .poll(() => e1.must('ip -6 -o addr show eth0 scope global'), { timeout: 15_000 })
      .toContain(promised);
  });

  it('shows every link up and frames passing', async () => {
    const { stage } = campus();
    const status = await stage.json<{
      engines: { ports: { nic: string; connected: boolean; rxFrames: number }[] }[];
    }>('status');
    const ports = status.engines.flatMap((engine) => engine.ports);
    expect(ports.map((port) => port.nic).sort()).toEqual(['db1/0', 'e1/0', 'w1/0', 'web1/0', 'web1/1']);
    expect(ports.every((port) => port.connected && port.rxFrames > 0)).toBe(true);
  });
}
