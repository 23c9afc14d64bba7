import { expect, it } from 'vitest';
import type { Campus } from '../campus.js';

/** The negatives: what must not pass, tried with every trick a machine has. */
export function isolation(campus: () => Campus): void {
  it('lets machines of the isolated network talk', async () => {
    const { web1, db1 } = campus();
    await db1.must('ping -c 2 -W 2 10.10.20.11');
    expect(await web1.must('timeout 10 wget -q -O - http://10.10.20.12:9090/name')).toBe('db1');
    const digest = await web1.must(
      'timeout 60 wget -q -O - "http://10.10.20.12/cgi-bin/big?4194304" | md5sum',
      { timeoutMs: 90_000 },
    );
    expect(digest).toBe(await db1.must('/www/cgi-bin/big 2>/dev/null | sed "1,/^\\r$/d" | md5sum'));
  });

  it('keeps the host, the world and the other networks out of reach of the isolated one', async () => {
    const { db1, hostWeb } = campus();
    const gateway = await db1.must("sed -n 's/^nameserver //p' /etc/resolv.conf | head -n 1");
    await db1.must(`ip route add default via ${gateway}`);
    try {
      for (const target of ['10.10.10.1', '10.10.10.11', '10.20.1.11', '192.0.2.1', '127.0.0.1']) {
        const { status } = await db1.run(`ping -c 1 -W 1 ${target} -I eth0`);
        expect.soft(status, `ping ${target}`).not.toBe(0);
      }
      for (const target of [gateway, '10.10.10.1', '10.10.10.11']) {
        const { status } = await db1.run(`timeout 3 wget -q -O - http://${target}:${hostWeb.port}/`);
        expect.soft(status, `http ${target}`).not.toBe(0);
      }
      const { status } = await db1.run('timeout 3 wget -q -O - http://10.10.10.11:9090/name');
      expect(status).not.toBe(0);
    } finally {
      await db1.must(`ip route del default via ${gateway}`);
    }
  });

  it('lets nobody speak with another address', async () => {
    const { stage, e1, w1 } = campus();
    await w1.must('ping -c 1 -W 2 10.20.1.11');
    const before = await dropsOf(campus(), 'e1/0');
    await e1.must('ip addr add 10.20.1.77/24 dev eth0');
    try {
      expect((await e1.run('ping -c 2 -W 1 -I 10.20.1.77 10.20.2.11')).status).not.toBe(0);
    } finally {
      await e1.must('ip addr del 10.20.1.77/24 dev eth0');
    }
    expect(await dropsOf(campus(), 'e1/0')).toBeGreaterThan(before);
    await e1.must('ping -c 1 -W 2 10.20.2.11');
    expect((await stage.passerelle('status')).stdout).toMatch(/e1 .*spoofed/);
  });

  it('lets nobody speak with another MAC', async () => {
    const { db1 } = campus();
    const mac = await db1.must('cat /sys/class/net/eth0/address');
    await db1.must('ip link set eth0 down; ip link set eth0 address 52:54:00:00:00:01; ip link set eth0 up');
    try {
      expect((await db1.run('ping -c 2 -W 1 10.10.20.11')).status).not.toBe(0);
    } finally {
      await db1.must(`ip link set eth0 down; ip link set eth0 address ${mac}; ip link set eth0 up`);
    }
    await expect
      .poll(async () => (await db1.run('ping -c 1 -W 1 10.10.20.11')).status, { timeout: 10_000 })
      .toBe(0);
  });
}

async function dropsOf({ stage }: Campus, nic: string): Promise<number> {
  interface Status {
    engines: { ports: { nic: string; drops: Record<string, number> }[] }[];
  }
  const status = await stage.json<Status>('status');
  const port = status.engines.flatMap((engine) => engine.ports).find((one) => one.nic === nic);
  return Object.values(port?.drops ?? {}).reduce((sum, count) => sum + count, 0);
}
