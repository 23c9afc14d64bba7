/** The switch of a real fabric process: learning, flooding, bounds, and who may speak as whom. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { networkNamed } from '../../../fabric/fabric-stage.js';
import { FabricProcess } from '../../../fabric/fabric-process.js';
import { arp, BROADCAST, ethernet, ipv4, ipv6, macNumber, macOf } from '../../../fabric/frames.js';
import { ScriptedGuest } from '../../../fabric/scripted-guest.js';
import { AGEING_SECONDS, MAX_LEARNED_PER_PORT, MacTable } from '../../../../src/fabric/switch/mac-table.js';

const OTHER = 0x88b5;
let directory: string;
let fabric: FabricProcess;
/** 1 and 2 are kept to their addresses; 3 and 4 may claim any, like a machine with machines inside. */
const guests: ScriptedGuest[] = [];
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'psl-l2-'));
  fabric = await FabricProcess.start({ directory });
  await fabric.apply({ put: 'network', value: networkNamed('a', 0, { mode: 'isolated' }) });
  for (const index of [1, 2, 3, 4]) {
    const socketPath = join(directory, `m${index}.sock`);
    const settings = { mac: macNumber(index), gatewayMac: macNumber(0xf0) };
    guests.push(await ScriptedGuest.listen({ socketPath, ...settings }));
    const value = {
      id: `m${index}/0`,
      network: 'a',
      machine: `m${index}`,
      mac: macOf(index),
      ipv4: `10.0.0.${index}`,
      antiSpoofing: index <= 2,
      socketPath,
    };
    await fabric.apply({ put: 'port', value });
  }
  await fabric.connected();
  // Machine 2 has this address by being the first that speaks from it (RFC 6620).
  guests[1]!.sendFrame(ethernet(0x86dd, ipv6('fe80::2', 17, Buffer.alloc(8)), macNumber(2)));
  await reached(Buffer.alloc(0));
});
afterAll(async () => {
  await fabric.kill('SIGTERM');
  for (const guest of guests) await guest.close();
  await rm(directory, { recursive: true, force: true });
});

const frame = (mark: string, source: number, destination = BROADCAST): Buffer =>
  ethernet(OTHER, Buffer.from(mark.padEnd(46)), source, destination);

/** Which of the machines got the frame. */
async function reached(wanted: Buffer): Promise<number[]> {
  await delay(100);
  return guests.flatMap((guest, index) =>
    guest.takeFrames().some((one) => one.equals(wanted)) ? [index + 1] : [],
  );
}

describe('the switch', () => {
  it.each([
    ['broadcast', BROADCAST],
    ['multicast', 0x0100_5e00_0001],
    ['unknown unicast', 0x5254_0000_7777],
  ])('floods %s to all but the sender (IEEE 802.1Q section 8.8)', async (name, destination) => {
    const sent = frame(name, macNumber(1), destination);
    guests[0]!.sendFrame(sent);
    expect(await reached(sent)).toEqual([2, 3, 4]);
  });

  it('sends to the one port behind which an address was seen (IEEE 802.1Q section 8.7)', async () => {
    const inner = 0x5254_0000_3001;
    guests[2]!.sendFrame(frame('here I am', inner));
    await reached(Buffer.alloc(0));
    const sent = frame('for you', macNumber(1), inner);
    guests[0]!.sendFrame(sent);
    expect(await reached(sent)).toEqual([3]);
    // The station moves.
    guests[3]!.sendFrame(frame('here now', inner));
    await reached(Buffer.alloc(0));
    const again = frame('for you there', macNumber(1), inner);
    guests[0]!.sendFrame(again);
    expect(await reached(again)).toEqual([4]);
  });

  it('keeps what belongs to the link on it (IEEE 802.1Q section 8.6.3)', async () => {
    const sent = frame('stp', macNumber(1), 0x0180_c200_0000);
    guests[0]!.sendFrame(sent);
    expect(await reached(sent)).toEqual([]);
  });

  it('learns no more of a port than its share, and floods the rest (IEEE 802.1Q section 8.8)', async () => {
    const stations = Array.from({ length: 200 }, (_, index) => frame(`s${index}`, 0x5254_0001_0000 + index));
    guests[2]!.sendFrame(...stations);
    await reached(Buffer.alloc(0));
    const { networks } = await fabric.status();
    expect(networks[0]!.learnedMacs).toBeLessThanOrEqual(2 * MAX_LEARNED_PER_PORT);
    const sent = frame('beyond', macNumber(1), 0x5254_0001_0000 + 199);
    guests[0]!.sendFrame(sent);
    expect(await reached(sent)).toEqual([2, 3, 4]);
  });

  it('forgets an address after 300 s (IEEE 802.1Q table 8-6)', () => {
    const table = new MacTable<{ learnedMacs: number }>();
    const owner = { learnedMacs: 0 };
    table.learn(1, 2, owner, 0);
    table.sweep(AGEING_SECONDS - 1);
    expect(table.lookup(1, 2)).toBe(owner);
    table.sweep(AGEING_SECONDS);
    expect(table.lookup(1, 2)).toBeUndefined();
    expect(AGEING_SECONDS).toBe(300);
  });
});

describe('anti-spoofing is on by default (RFC 2827, RFC 7513)', () => {
  it.each([
    ["another's MAC", ethernet(OTHER, Buffer.alloc(46), macNumber(2)), 'spoofed-mac'],
    ["the gateway's MAC", ethernet(OTHER, Buffer.alloc(46), macNumber(0xf0)), 'spoofed-mac'],
    [
      "another's IPv4 address",
      ethernet(0x0800, ipv4('10.0.0.2', 6, Buffer.alloc(26)), macNumber(1)),
      'spoofed-ipv4',
    ],
    [
      "another's address in ARP",
      ethernet(0x0806, arp(2, macNumber(1), '10.0.0.2'), macNumber(1)),
      'spoofed-arp',
    ],
    [
      "another's IPv6 address",
      ethernet(0x86dd, ipv6('fe80::2', 17, Buffer.alloc(8)), macNumber(1)),
      'spoofed-ipv6',
    ],
  ])('lets no frame out with %s', async (_, sent, reason) => {
    const before = await dropsOf(1);
    guests[0]!.sendFrame(sent);
    expect(await reached(sent)).toEqual([]);
    const after = await dropsOf(1);
    expect({ ...after, [reason]: undefined }).toEqual({ ...before, [reason]: undefined });
    expect(after[reason]).toBe((before[reason] ?? 0) + 1);
  });

  it("takes no port's own address away by speaking with it from another", async () => {
    guests[2]!.sendFrame(frame('I am 2', macNumber(2)));
    await reached(Buffer.alloc(0));
    const sent = frame('for 2', macNumber(1), macNumber(2));
    guests[0]!.sendFrame(sent);
    expect(await reached(sent)).toEqual([2]);
  });

  async function dropsOf(index: number): Promise<Record<string, number>> {
    const { ports } = await fabric.status();
    return { ...ports.find(({ id }) => id === `m${index}/0`)?.drops };
  }
});
