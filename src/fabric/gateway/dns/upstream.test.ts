import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HostResolvers, parseResolvConf, parseUpstream } from './upstream.js';

describe('parseUpstream', () => {
  it.each([
    ['192.0.2.1', { address: '192.0.2.1', port: 53, family: 4 }],
    ['192.0.2.1:5353', { address: '192.0.2.1', port: 5353, family: 4 }],
    ['2001:db8::1', { address: '2001:db8::1', port: 53, family: 6 }],
    ['[2001:db8::1]:5353', { address: '2001:db8::1', port: 5353, family: 6 }],
    ['fe80::1%eth0', { address: 'fe80::1%eth0', port: 53, family: 6 }],
  ])('reads %s', (text, upstream) => {
    expect(parseUpstream(text)).toEqual(upstream);
  });

  it.each(['', 'dns.example', '192.0.2.1:0', '192.0.2.1:70000', '192.0.2', '[192.0.2.1', ':53'])(
    'refuses %j',
    (text) => {
      expect(parseUpstream(text)).toBeUndefined();
    },
  );
});

describe('parseResolvConf', () => {
  it('takes the first three servers and nothing else', () => {
    const text =
      '# nameserver 9.9.9.9\nsearch a.b\nnameserver\t192.0.2.1\nnameserver 2001:db8::1 # two\nnameserver x\n';
    expect(parseResolvConf(text).map(({ address }) => address)).toEqual(['192.0.2.1', '2001:db8::1']);
    expect(parseResolvConf('nameserver 192.0.2.1\n'.repeat(5))).toHaveLength(3);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        parseUpstream(text);
        parseResolvConf(`nameserver ${text}`);
      }),
    );
  });
});

describe('HostResolvers', () => {
  it('starts without a file, finds it, follows its changes, and sees it go', () => {
    const directory = mkdtempSync(join(tmpdir(), 'passerelle-resolv-'));
    try {
      const path = join(directory, 'resolv.conf');
      const resolvers = new HostResolvers(path, 1000);
      const addresses = (nowMs: number) => resolvers.current(nowMs).map(({ address }) => address);
      expect(addresses(0)).toEqual([]);
      writeFileSync(path, 'nameserver 192.0.2.1\n');
      expect(addresses(999)).toEqual([]);
      expect(addresses(1000)).toEqual(['192.0.2.1']);
      writeFileSync(`${path}.new`, 'nameserver 192.0.2.2\n');
      renameSync(`${path}.new`, path);
      expect(addresses(1999)).toEqual(['192.0.2.1']);
      expect(addresses(2000)).toEqual(['192.0.2.2']);
      rmSync(path);
      expect(addresses(3000)).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
