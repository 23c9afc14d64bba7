/** vhost-user ports with real guests, as an ordinary user: beside stream ports, through the NAT, and over a restart. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Guest } from '../../lab/guest.js';
import { eventually } from '../../fabric/fake-guest.js';
import { HostServices } from '../host-services.js';
import { Stage } from '../stage.js';

const FILE = `project: shared
networks:
  web: { mode: nat, ipv4: 10.44.0.0/24, host-loopback: true }
machines:
  fast: { nics: [{ network: web, ipv4: 10.44.0.11, port: vhost-user }] }
  twin: { nics: [{ network: web, ipv4: 10.44.0.12, port: vhost-user }] }
  plain: { nics: [{ network: web, ipv4: 10.44.0.13 }] }
`;

function whyNot(): string | undefined {
  try {
    createRequire(import.meta.url).resolve('koffi');
    return undefined;
  } catch {
    return 'the optional package koffi is not installed';
  }
}
const reason = whyNot();
if (reason !== undefined) console.log(`skipped: ${reason}`);

describe.skipIf(reason !== undefined)('vhost-user ports', () => {
  let stage: Stage;
  let fast: Guest;
  let twin: Guest;
  let plain: Guest;

  beforeAll(async () => {
    stage = await Stage.open();
    await stage.write(FILE);
    await stage.must('up');
    [fast, twin, plain] = await Promise.all([
      stage.guest('fast', ['iperf3', 'socat']),
      stage.guest('twin', ['iperf3']),
      stage.guest('plain', ['iperf3']),
    ]);
    await Promise.all([fast, twin, plain].map((guest) => guest.ready()));
  }, 180_000);
  afterAll(async () => {
    await stage.close();
  });

  it('have offloads, and addresses by DHCP', async () => {
    expect(await fast.must('ip -4 address show eth0')).toContain('10.44.0.11/24');
    const leases = await stage.json<{ machine: string; address: string }[]>('leases');
    expect(leases.map(({ machine }) => machine).sort()).toEqual(['fast', 'plain', 'twin']);
  });

  it('reach each other and a stream port', async () => {
    for (const [guest, address] of [
      [fast, '10.44.0.12'],
      [fast, '10.44.0.13'],
      [plain, '10.44.0.11'],
    ] as const)
      expect(await guest.must(`ping -c 1 -W 5 ${address}`)).toContain('1 packets received');
  });

  it.todo('placeholder');
});
