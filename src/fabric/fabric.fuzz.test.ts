import { expect } from 'vitest';
import { arrives, FabricStage, packet, putNetwork, resolves } from '../../test/fabric/fabric-stage.js';
import { seededRandom } from '../../test/fabric/seeded-random.js';
import { eventually } from '../../test/fabric/fake-guest.js';
import {
  arp,
  dhcp as dhcpMessage,
  ethernet,
  framed,
  ipv4,
  ipv6,
  macNumber,
  udp,
} from '../../test/fabric/frames.js';
import { fuzz } from '../../test/fuzz/fuzz.js';

fuzz('survives any frames of a guest that is not kept to its addresses', [42], async (seed) => {
  const stage = await FabricStage.open();
  try {
    await survive(stage, seed);
  } finally {
    await stage.close();
  }
});

async function survive(stage: FabricStage, seed: number): Promise<void> {
  const [m1, m2] = [await stage.boot(1), await stage.boot(2)];
  const dhcp = { rangeFirst: '10.0.0.100', rangeLast: '10.0.0.199', leaseSeconds: 600 };
  const ipv6Subnet = { address: 'fd00::', prefixLength: 64, gateway: 'fd00::1' };
  await stage.fabric.apply([
    // Isolated, so that nothing of this leaves the project.
    putNetwork('a', 0, { mode: 'isolated', dhcp, ipv6: ipv6Subnet }),
    { put: 'port', value: { ...stage.portOf(1), antiSpoofing: false } },
    stage.putPort(2),
  ]);
  await stage.plugged(m1, m2);
  const gateway = macNumber(0xf0);
  const seeds = [
    ethernet(0x0806, arp(1, macNumber(1), '10.0.0.1'), macNumber(1)),
    ethernet(0x0800, ipv4('0.0.0.0', 17, udp(68, 67, dhcpMessage(1, macNumber(1)))), macNumber(1)),
    ethernet(0x0800, ipv4('10.0.0.1', 6, Buffer.alloc(40)), macNumber(1), gateway),
    ethernet(0x0800, ipv4('10.0.0.1', 1, Buffer.from('0800f7ff00000000', 'hex')), macNumber(1), gateway),
    ethernet(0x86dd, ipv6('fe80::1', 58, Buffer.alloc(32, 135)), macNumber(1), 0x3333_ff00_0001),
    ethernet(0x86dd, ipv6('fe80::1', 44, Buffer.alloc(64)), macNumber(1), gateway),
  ];
  const random = seededRandom(seed);
  for (let batch = 0; batch < 100; batch++) {
    const frames = Array.from({ length: 40 }, () => {
      const frame = Buffer.from(seeds[random(seeds.length)]!);
      for (let change = random(6); change > 0; change--) frame[12 + random(frame.length - 12)] = random(256);
      return frame.subarray(0, 14 + random(frame.length - 13));
    });
    await m1.sendAll(framed(...frames));
  }
  await eventually(() => stage.statusOf(1)?.rxFrames === 4000, 'all frames read');
  m1.send(packet(1, 2));
  await arrives(m2, packet(1, 2));
  expect(await resolves(m1, 1, 0, '10.0.0.254')).toBe(gateway);
  expect(m1.connections).toBe(1);
}
