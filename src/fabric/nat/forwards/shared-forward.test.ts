import { afterEach, describe, expect, it } from 'vitest';
import { closeAll, dial, freePort, setUp, until } from '../../../../test/fabric/nat/forward-lab.js';
import { forwardTo } from '../../../../test/fabric/nat/forwarded-guest.js';

afterEach(closeAll);

const TARGETS = ['10.0.0.2', '10.0.0.3', '10.0.0.4'];

/** A forward to three machines, and which of them the SYN of each client goes to. */
async function sharedOut() {
  const lab = setUp();
  lab.attentive = false;
  for (const [index, address] of TARGETS.entries())
    lab.link.neighbours.set(address, 0x5254_0000_0002 + index);
  const port = await freePort();
  await lab.nat.putForward(forwardTo({ listenPortFirst: port, targetAddresses: TARGETS }), lab.link);
  const next = async (): Promise<string> => {
    const before = lab.packets.length;
    dial(port);
    await until(() => lab.packets.length > before);
    return [...lab.packets[before]!.subarray(16, 20)].join('.');
  };
  return { lab, next };
}

describe('a forward with several targets', () => {
  it('leads connections to them in turn', async () => {
    const { next } = await sharedOut();
    const led: string[] = [];
    for (let count = 0; count < 6; count++) led.push(await next());
    expect(led).toEqual([...TARGETS, ...TARGETS]);
  });

  it('passes over machines that are off while another is there', async () => {
    const { lab, next } = await sharedOut();
    lab.link.absent.add('10.0.0.3');
    const led: string[] = [];
    for (let count = 0; count < 4; count++) led.push(await next());
    expect(led).toEqual(['10.0.0.2', '10.0.0.4', '10.0.0.2', '10.0.0.4']);
    for (const address of TARGETS) lab.link.absent.add(address);
    expect(TARGETS).toContain(await next());
  });
});
