import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sampleNetwork, sampleNic } from '../../../../test/sample-topology.js';
import type { Run } from '../../../clients/command/run.js';
import { readFileSync } from 'node:fs';
import { desireNeighbourProxies, NeighbourProxies } from './neighbour-proxy.js';
import { WishFile } from '../wish-file.js';

const srv = sampleNetwork({
  name: 'srv',
  mode: 'routed',
  options: { 'proxy-ndp': true },
  ipv6: { address: '2001:db8:77::', prefixLength: 64, gateway: '2001:db8:77::1' },
});
const nic = (ipv6: string) => sampleNic({ network: 'srv', mac: '52:54:00:00:00:05', ipv6 });
const wishFor = (ipv6: string) => desireNeighbourProxies('linux', [srv], [nic(ipv6)], (name) => name)[0]!;
const signal = new AbortController().signal;

let directory: string;
beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'psl-proxies-'))));
afterEach(() => rm(directory, { recursive: true }));

/** A host with one IPv6 uplink, and with these entries. */
function hostWith(entries: Set<string>): Run {
  return (argv) => {
    const said = (value: unknown) =>
      Promise.resolve({ exitCode: 0, stdout: JSON.stringify(value), stderr: '' });
    const batch = argv[argv.indexOf('-batch') + 1];
    if (argv.includes('-batch') && batch !== undefined) {
      for (const line of readFileSync(batch, 'utf8').trimEnd().split('\n')) {
        const [, verb = '', , address = ''] = line.split(' ');
        if (verb === 'add') entries.add(address);
        else entries.delete(address);
      }
      return said([]);
    }
    if (argv.includes('route'))
      return said(argv.includes('-6') ? [{ dst: 'default', dev: 'eth0', gateway: 'fe80::1' }] : []);
    return said([...entries].map((dst) => ({ dst, dev: 'eth0', proxy: null, protocol: '80' })));
  };
}

it('asks for the address of the file and for the one that is formed from the MAC', () => {
  expect(wishFor('2001:db8:77::11').properties).toEqual({
    uplink: 'default',
    addresses: ['2001:db8:77:0:5054:ff:fe00:5', '2001:db8:77::11'],
  });
  expect(desireNeighbourProxies('linux', [{ ...srv, options: {} }], [], (name) => name)).toEqual([]);
});

it('takes away what it made and is not wished for any more, and nothing else', async () => {
  const entries = new Set(['2001:db8:2::77']);
  const proxies = new NeighbourProxies(
    directory,
    new WishFile(join(directory, 'proxies.json')),
    hostWith(entries),
  );
  const [first, second] = [wishFor('2001:db8:77::11'), wishFor('2001:db8:77::12')];
  await proxies.apply([{ action: 'create', after: first }], signal);
  expect(await proxies.observe(signal)).toEqual([
    { ...first, needs: [], reason: undefined, source: undefined },
  ]);
  entries.delete('2001:db8:77::11');
  expect((await proxies.observe(signal)).map(({ properties }) => properties)).toEqual([{}]);
  await proxies.apply([{ action: 'update', before: first, after: second, changed: ['addresses'] }], signal);
  expect([...entries].sort()).toEqual(['2001:db8:2::77', '2001:db8:77:0:5054:ff:fe00:5', '2001:db8:77::12']);
  await proxies.apply([{ action: 'delete', before: second }], signal);
  expect([...entries]).toEqual(['2001:db8:2::77']);
  expect(await proxies.observe(signal)).toEqual([]);
});
