import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Run } from '../../../clients/command/run.js';
import type { NftTable } from '../../../clients/nft/listing.js';
import type { Resource } from '../../../plan/resource.js';
import { Admission } from './admission.js';
import { WishFile } from '../wish-file.js';

const signal = new AbortController().signal;
let directory: string;
let told: string[];
let admission: Admission;

const run: Run = (_argv, { input = '' }) => {
  told.push(...input.trim().split('\n'));
  return Promise.resolve({ exitCode: 0, stdout: '', stderr: '' });
};

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'psl-admission-'));
  told = [];
  admission = new Admission('shop', 'linux', new WishFile(join(directory, 'admission.json')), run);
});
afterEach(() => rm(directory, { recursive: true }));

const wish: Resource = {
  id: 'linux/admission/web',
  provider: 'linux',
  kind: 'admission',
  properties: { device: 'psl1', accepts: ['answers', 'control', 'out'] },
  needs: [],
  affects: [],
};

function table(policy: string, rules: NftTable['rules'] = []): NftTable {
  const chains = [
    { name: 'FORWARD', type: 'filter', hook: 'forward', priority: 0, policy },
    { name: 'POSTROUTING', type: 'nat', hook: 'postrouting', priority: 100, policy },
    { name: 'DOCKER' },
  ];
  return { family: 'ip', name: 'filter', chains, sets: [], limits: [], rules };
}

it('leaves alone who lets packets through', async () => {
  await admission.apply([{ action: 'create', after: wish }], signal, [table('accept')]);
  expect(told).toEqual([]);
  expect(await admission.observe(signal, [table('accept')])).toEqual([wish]);
});

it('puts accepts at the head of a chain that drops, and knows them again', async () => {
  await admission.apply([{ action: 'create', after: wish }], signal, [table('drop')]);
  expect(told).toEqual([
    'insert rule ip filter FORWARD oifname "psl1" ct state established,related counter accept comment "passerelle shop.linux web answers psl1"',
    'insert rule ip filter FORWARD iifname "psl1" counter accept comment "passerelle shop.linux web out psl1"',
  ]);
  const standing = ['answers', 'out'].map((name, index) => ({
    chain: 'FORWARD',
    handle: index + 7,
    comment: `passerelle shop.linux web ${name} psl1`,
    expressions: [],
  }));
  expect(await admission.observe(signal, [table('drop', standing)])).toEqual([wish]);
  // A reload of the other firewall has taken one away.
  expect(await admission.observe(signal, [table('drop', standing.slice(1))])).toEqual([
    { ...wish, properties: {} },
  ]);

  told = [];
  await admission.apply([{ action: 'delete', before: wish }], signal, [table('drop', standing)]);
  expect(told).toEqual(['delete rule ip filter FORWARD handle 7', 'delete rule ip filter FORWARD handle 8']);
  expect(await admission.observe(signal, [table('drop')])).toEqual([]);
});

it('sees accepts of ours that nobody wishes for any more', async () => {
  const left = [
    { chain: 'FORWARD', handle: 9, comment: 'passerelle shop.linux old out psl9', expressions: [] },
  ];
  expect((await admission.observe(signal, [table('drop', left)])).map(({ id }) => id)).toEqual([
    'linux/admission/old',
  ]);
  expect(
    await admission.observe(signal, [
      table('drop', [{ ...left[0]!, comment: 'passerelle other.linux old out psl9' }]),
    ]),
  ).toEqual([]);
});

it('knows a closing reject for what it is', () => {
  const rule = (...expressions: Record<string, unknown>[]): NftTable['rules'] => [
    { chain: 'FORWARD', handle: 1, expressions },
  ];
  const obstacles = (rules: NftTable['rules']): string[] => admission.obstacles([table('accept', rules)]);
  expect(obstacles(rule({ counter: null }, { reject: { type: 'icmpx' } }))).toEqual(['ip filter FORWARD']);
  expect(obstacles(rule({ match: {} }, { drop: null }))).toEqual([]);
  expect(obstacles([])).toEqual([]);
});

it('lets in what comes from the other hosts of a network, in chains that see it', async () => {
  const tunnels = { port: 4789, peers: ['192.0.2.2', '192.0.2.3'] };
  const spread = { ...wish, properties: { device: 'psl1', accepts: ['within'], tunnels } };
  const entry = { name: 'INPUT', type: 'filter', hook: 'input', priority: 0, policy: 'drop' };
  const firewall = (family: string): NftTable => ({ ...table('accept'), family, chains: [entry] });
  await admission.apply([{ action: 'create', after: spread }], signal, [firewall('ip'), firewall('ip6')]);
  expect(told).toEqual([
    'insert rule ip filter INPUT ip saddr 192.0.2.2 udp dport 4789 counter accept comment "passerelle shop.linux web 192.0.2.2 psl1"',
    'insert rule ip filter INPUT ip saddr 192.0.2.3 udp dport 4789 counter accept comment "passerelle shop.linux web 192.0.2.3 psl1"',
  ]);
});
