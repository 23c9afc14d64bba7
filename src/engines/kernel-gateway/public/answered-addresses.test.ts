import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Run } from '../../../clients/command/run.js';
import type { Resource } from '../../../plan/resource.js';
import { WishFile } from '../wish-file.js';
import { AnsweredAddresses } from './answered-addresses.js';

const signal = new AbortController().signal;

function wishFor(address: string, leadsTo: string, device = 'psl1'): Resource {
  return {
    id: `linux/answered-address/${address}`,
    provider: 'linux',
    kind: 'answered-address',
    properties: { address, uplink: 'default', device, leadsTo },
    needs: [],
    affects: [],
  };
}

/** A host that leaves by eth0, and what stands on it: `route A dev D`, `neigh proxy A dev D`. */
class FakeHost {
  readonly standing = new Set<string>();
  readonly forgotten: string[] = [];
  isConntrackDown = false;

  readonly run: Run = (argv) => {
    if (argv[0] === 'conntrack') {
      if (this.isConntrackDown) return this.#say([], 1, 'Operation not permitted');
      this.forgotten.push(argv.at(-1) ?? '');
      return this.#say([], 1, '0 flow entries have been deleted.');
    }
    const batch = argv[argv.indexOf('-batch') + 1];
    if (argv.includes('-batch') && batch !== undefined) {
      for (const line of readFileSync(batch, 'utf8').trimEnd().split('\n')) this.#carryOut(line);
      return this.#say([]);
    }
    const family = argv.includes('-6') ? 6 : 4;
    const kind = argv.includes('neigh') ? 'neigh proxy ' : 'route ';
    if (argv.includes('route') && !argv.includes('proto'))
      return this.#say([{ dst: 'default', dev: 'eth0', gateway: '192.0.2.1' }]);
    const own = [...this.standing].filter(
      (line) => line.startsWith(kind) && line.includes(':') === (family === 6),
    );
    return this.#say(
      own.map((line) => {
        const [dst, , dev] = line.slice(kind.length).split(' ');
        return { dst, dev, protocol: '80' };
      }),
    );
  };

  #carryOut(line: string): void {
    const [object = '', verb = '', ...rest] = line.split(' ');
    const place = [object, ...rest].join(' ').replace(' protocol 80', '');
    if (verb === 'add') expect(this.standing.has(place), line).toBe(false);
    else expect(this.standing.has(place), line).toBe(true);
    if (verb === 'add') this.standing.add(place);
    else this.standing.delete(place);
  }

  #say(value: unknown, exitCode = 0, stderr = '') {
    return Promise.resolve({ exitCode, stdout: JSON.stringify(value), stderr });
  }
}

let directory: string;
let host: FakeHost;
let part: AnsweredAddresses;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'psl-answered-'));
  host = new FakeHost();
  part = new AnsweredAddresses(directory, new WishFile(join(directory, 'answered.json')), host.run);
});
afterEach(() => rm(directory, { recursive: true }));

const first = wishFor('192.0.2.70', '10.0.0.11');
const moved = wishFor('192.0.2.70', '10.0.0.12');

it('leads the address to the segment, answers for it, and takes back just that', async () => {
  host.standing.add('route 198.51.100.9 dev psl9');
  await part.apply([{ action: 'create', after: first }], signal);
  const six = wishFor('2001:db8::70', 'fd00::11');
  await part.apply([{ action: 'create', after: six }], signal);
  expect([...host.standing]).toEqual([
    'route 198.51.100.9 dev psl9',
    'route 192.0.2.70 dev psl1',
    'neigh proxy 192.0.2.70 dev eth0',
    'route 2001:db8::70 dev psl1',
    'neigh proxy 2001:db8::70 dev eth0',
  ]);
  expect(await part.observe(signal)).toEqual([first, six]);
  await part.apply(
    [
      { action: 'delete', before: first },
      { action: 'delete', before: six },
    ],
    signal,
  );
  expect([...host.standing]).toEqual(['route 198.51.100.9 dev psl9']);
  expect(await part.observe(signal)).toEqual([]);
});

it('leads it to another segment', async () => {
  await part.apply([{ action: 'create', after: first }], signal);
  const elsewhere = wishFor('192.0.2.70', '10.1.0.11', 'psl2');
  await part.apply([{ action: 'update', before: first, after: elsewhere, changed: ['device'] }], signal);
  expect([...host.standing].sort()).toEqual(['neigh proxy 192.0.2.70 dev eth0', 'route 192.0.2.70 dev psl2']);
});

it.each(['route 192.0.2.70 dev psl1', 'neigh proxy 192.0.2.70 dev eth0'])('misses %s', async (line) => {
  await part.apply([{ action: 'create', after: first }], signal);
  host.standing.delete(line);
  expect(await part.observe(signal)).toEqual([{ ...first, properties: {} }]);
});

it('has the connections of before forgotten, and is not done before they are', async () => {
  await part.apply([{ action: 'create', after: first }], signal);
  host.forgotten.length = 0;
  host.isConntrackDown = true;
  const move = { action: 'update', before: first, after: moved, changed: ['leadsTo'] } as const;
  await expect(part.apply([move], signal)).rejects.toMatchObject({
    problems: [{ code: 'conntrack/refused' }],
  });
  // As after a kill: routes and entries are as they should be, and yet it is to be done again.
  expect(await part.observe(signal)).toEqual([{ ...first, properties: {} }]);
  host.isConntrackDown = false;
  await part.apply([move], signal);
  expect(host.forgotten).toEqual(['192.0.2.70', '192.0.2.70']);
  expect(await part.observe(signal)).toEqual([moved]);
});

it('leaves nothing when one that was not done is given up', async () => {
  host.isConntrackDown = true;
  await expect(part.apply([{ action: 'create', after: first }], signal)).rejects.toThrow();
  host.isConntrackDown = false;
  const [half] = await part.observe(signal);
  await part.apply([{ action: 'delete', before: half! }], signal);
  expect([...host.standing]).toEqual([]);
  expect(await part.observe(signal)).toEqual([]);
});
