import { expect, it } from 'vitest';
import type { Run } from '../command/run.js';
import { listRuleset, parseListing } from './listing.js';
import { gatherElements, quoted, transactionError } from './transaction.js';

const LISTING = `{"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}},
{"table": {"family": "inet", "name": "t", "handle": 5}},
{"map": {"family": "inet", "name": "f", "table": "t", "type": ["ipv4_addr", "inet_proto", "inet_service"], "handle": 8, "map": "ipv4_addr . inet_service",
 "elem": [[{"elem": {"val": {"concat": ["192.0.2.1", "tcp", 9011]}, "comment": "forward x web"}}, {"concat": ["10.0.0.1", 9090]}]]}},
{"map": {"family": "inet", "name": "r", "table": "t", "type": ["inet_proto", "inet_service"], "map": "ipv4_addr", "flags": ["interval"],
 "elem": [[{"elem": {"val": {"concat": [17, {"range": [9000, 9099]}]}, "comment": "x"}}, "10.0.0.1"]]}},
{"set": {"family": "inet", "name": "n", "table": "t", "type": "ipv4_addr", "flags": ["interval"], "elem": [{"prefix": {"addr": "10.0.0.0", "len": 24}}]}},
{"set": {"family": "inet", "name": "s", "table": "t", "type": "ifname", "elem": [{"elem": {"val": "br0", "comment": "policy web web"}}]}},
{"set": {"family": "inet", "name": "c", "table": "t", "type": ["ifname", "ipv4_addr"], "elem": [{"concat": ["br0", {"prefix": {"addr": "10.0.0.0", "len": 24}}]}]}},
{"map": {"family": "inet", "name": "p", "table": "t", "type": "ifname", "map": "verdict", "elem": [[{"elem": {"val": "br0", "comment": "x"}}, {"goto": {"target": "natin"}}], ["br1", {"drop": null}]]}},
{"limit": {"family": "inet", "name": "l", "table": "t", "rate": 1250, "per": "second", "inv": true, "rate_unit": "kbytes", "burst": 256, "burst_unit": "kbytes"}},
{"chain": {"family": "inet", "table": "t", "name": "pre", "handle": 3, "type": "nat", "hook": "prerouting", "prio": -100, "policy": "accept"}},
{"chain": {"family": "inet", "table": "t", "name": "natin", "handle": 1}},
{"rule": {"family": "inet", "table": "t", "chain": "natin", "handle": 16, "comment": "x:y", "expr": [{"drop": null}]}},
{"table": {"family": "ip", "name": "t", "handle": 6}},
{"chain": {"family": "ip", "table": "t", "name": "other", "handle": 1}}]}`;

it('says elements as a person types them', () => {
  const [table] = parseListing(LISTING);
  const texts = Object.fromEntries(
    table?.sets.map(({ name, elements }) => [name, elements.map(({ text }) => text)]) ?? [],
  );
  expect(texts).toEqual({
    f: ['192.0.2.1 . tcp . 9011 : 10.0.0.1 . 9090'],
    r: ['udp . 9000-9099 : 10.0.0.1'],
    n: ['10.0.0.0/24'],
    s: ['"br0"'],
    c: ['"br0" . 10.0.0.0/24'],
    p: ['"br0" : goto natin', '"br1" : drop'],
  });
  expect(table?.sets[0]?.elements[0]?.comment).toBe('forward x web');
});

it('reads chains, rules and limits, and keeps tables of other families apart', () => {
  const [inet, ip] = parseListing(LISTING);
  expect(inet?.chains).toEqual([
    { name: 'pre', type: 'nat', hook: 'prerouting', priority: -100, policy: 'accept' },
    { name: 'natin' },
  ]);
  expect(inet?.rules).toEqual([
    { chain: 'natin', handle: 16, comment: 'x:y', expressions: [{ drop: null }] },
  ]);
  expect(inet?.limits).toEqual([{ name: 'l', bytesPerSecond: 1_280_000, burstBytes: 262_144 }]);
  expect(ip).toMatchObject({ family: 'ip', name: 't', chains: [{ name: 'other' }] });
});

it('names the line that was refused', () => {
  const stderr = '/dev/stdin:2:31-35: Error: syntax error, unexpected string\nadd rule …\n        ^^^^^\n';
  const error = transactionError(['add table inet t', 'add rule inet t c nonsense'], stderr);
  expect(error.problems[0]).toMatchObject({
    code: 'nft/refused',
    message: 'nftables refused `add rule inet t c nonsense`: syntax error, unexpected string',
  });
  expect(transactionError([], 'netlink: Operation not permitted').problems[0]?.fix).toContain('root');
});

it('quotes comments so that nothing leaves them', () => {
  expect(quoted('a"b\\c\nd')).toBe('"abcd"');
  expect(quoted('x'.repeat(300))).toHaveLength(129);
});

it('gathers elements of one set, and lets go what goes before what comes', () => {
  expect(
    gatherElements([
      'add table inet t',
      'add element inet t s { "a" }',
      'add element inet t m { 1 comment "x" : 2 }',
      'delete element inet t s { "b" }',
      'add element inet t s { "b" }',
      'add limit inet t l { rate over 1 bytes/second ; }',
      'add element inet t s { "c" }',
    ]),
  ).toEqual([
    'add table inet t',
    'delete element inet t s { "b" }',
    'add element inet t s { "a", "b" }',
    'add element inet t m { 1 comment "x" : 2 }',
    'add limit inet t l { rate over 1 bytes/second ; }',
    'add element inet t s { "c" }',
  ]);
});

it('tells of the other tables where nft stops in the middle of one', async () => {
  const whole = (name: string): string => `{"nftables": [{"table": {"family": "ip", "name": "${name}"}}]}\n`;
  const answers: Readonly<Record<string, string>> = {
    'nft -j -t list ruleset':
      '{"nftables": [{"table": {"family": "ip", "name": "a"}}, {"table": {"flags": \n',
    'nft list tables': 'table ip a\ntable inet owned\ntable ip b\n',
    'nft -j -t list table ip a': whole('a'),
    'nft -j -t list table inet owned': '{"nftables": [{"table": {"flags": \n',
    'nft -j -t list table ip b': whole('b'),
  };
  const run: Run = (argv) =>
    Promise.resolve({ exitCode: 0, stderr: '', stdout: answers[argv.join(' ')] ?? 'not asked for' });
  const tables = await listRuleset(run, AbortSignal.timeout(1000));
  expect(tables.map(({ name }) => name)).toEqual(['a', 'b']);
});
