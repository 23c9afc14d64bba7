import { expect } from 'vitest';
import type { Scenario } from '../scenario.js';

const SPOOFED = 'ping -c 2 -W 1 -I 10.20.1.77 10.20.2.11';

export const antiSpoofing: readonly Scenario[] = [
  {
    title: 'lets nobody speak with another address, and says so when told not to care',
    proves: ['antiSpoofing', 'routed'],
    async run(campus) {
      const { e1 } = campus;
      await e1.must('ip addr add 10.20.1.77/24 dev eth0');
      try {
        // The same ping passes without the guard: it is the guard that stops it.
        await campus.up({ e1: 'anti-spoofing: false' });
        await expect.poll(async () => (await e1.run(SPOOFED)).status, { timeout: 15_000 }).toBe(0);
        await campus.up();
        expect((await e1.run(SPOOFED)).status).not.toBe(0);
      } finally {
        await e1.must('ip addr del 10.20.1.77/24 dev eth0');
        await campus.up();
      }
      await e1.must('ping -c 1 -W 2 10.20.2.11');
    },
  },
  {
    title: 'lets nobody speak with an IPv6 address of another network',
    proves: ['antiSpoofing', 'ipv6'],
    async run({ e1, w1 }) {
      const remote = await w1.must(
        "ip -6 -o addr show eth0 scope global | sed 's/.*inet6 \\([^/]*\\).*/\\1/' | head -n 1",
      );
      const asked = async (): Promise<number> =>
        Number(await w1.must("sed -n 's/^Icmp6InEchos *//p' /proc/net/snmp6"));
      await e1.must('echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad');
      await e1.must('ip addr add fd00:bad::77/64 dev eth0');
      try {
        const before = await asked();
        await e1.run(`ping6 -c 2 -W 1 -I fd00:bad::77 ${remote}`);
        expect(await asked()).toBe(before);
        await e1.must(`ping6 -c 2 -W 2 ${remote}`);
        expect(await asked()).toBe(before + 2);
      } finally {
        await e1.must('ip addr del fd00:bad::77/64 dev eth0');
      }
    },
  },
  {
    title: 'lets nobody speak with another MAC',
    proves: ['antiSpoofing', 'isolated'],
    async run({ db1 }) {
      const mac = await db1.must('cat /sys/class/net/eth0/address');
      await db1.must(
        'ip link set eth0 down; ip link set eth0 address 52:54:00:00:00:01; ip link set eth0 up',
      );
      try {
        expect((await db1.run('ping -c 2 -W 1 10.10.20.11')).status).not.toBe(0);
      } finally {
        await db1.must(`ip link set eth0 down; ip link set eth0 address ${mac}; ip link set eth0 up`);
      }
      await expect
        .poll(async () => (await db1.run('ping -c 1 -W 1 10.10.20.11')).status, { timeout: 10_000 })
        .toBe(0);
    },
  },
];
