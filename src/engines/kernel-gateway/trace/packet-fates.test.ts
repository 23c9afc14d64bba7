import { expect, it } from 'vitest';
import { sampleNic } from '../../../../test/sample-topology.js';
import { parseTraceLine } from '../../../clients/nft/trace-line.js';
import type { PacketFate } from '../../contract.js';
import { peerTable } from '../../linux/overlay/peer-table.js';
import { guardTable } from '../../linux/guard-table.js';
import { gatewayTable } from '../rules/gateway-table.js';
import { markingTable } from './marking.js';
import { PacketFates } from './packet-fates.js';
import { REASONS } from './reasons.js';

const MARKING = markingTable('shop', sampleNic({ ipv4: '10.0.0.11' }), 7);

function fatesOf(...lines: string[]): PacketFate[] {
  const fates = new PacketFates('shop', MARKING.name);
  return lines.flatMap((line) => {
    const told = parseTraceLine(`trace id ${line}`);
    if (told === undefined) throw new Error(`no trace: ${line}`);
    return fates.see(told) ?? [];
  });
}

const SYN =
  'iif "psl1" ether saddr 52:54:00:00:00:0a ip saddr 10.0.0.11 ip daddr 192.0.2.9 tcp sport 40000 tcp dport 443 tcp flags == syn';
const summary = {
  source: '10.0.0.11',
  target: '192.0.2.9',
  protocol: 'tcp',
  sourcePort: 40_000,
  targetPort: 443,
  detail: 'syn',
};

it('says in words which rule of ours ended a packet', () => {
  expect(
    fatesOf(
      `1 inet ${MARKING.name} come packet: ${SYN}`,
      '1 inet passerelle.shop.linux passage rule iifname vmap @from_segment comment "from-segment 1e76" (verdict jump from_nat)',
      '1 inet passerelle.shop.linux foreign_source rule counter packets 3 bytes 180 drop comment "own-source 31e1" (verdict drop)',
    ),
  ).toEqual([
    {
      packet: summary,
      outcome: 'dropped',
      reason: REASONS['own-source'],
      rule: 'inet passerelle.shop.linux foreign_source own-source',
      isOurs: true,
    },
  ]);
});

it('names the rule of others as they wrote it, and their policies', () => {
  const begin = `1 inet ${MARKING.name} come packet: ${SYN}`;
  expect(fatesOf(begin, '1 ip docker FORWARD rule udp dport 53 drop (verdict drop)')).toMatchObject([
    {
      outcome: 'dropped',
      reason: 'not by Passerelle: udp dport 53 drop',
      rule: 'ip docker FORWARD',
      isOurs: false,
    },
  ]);
  expect(fatesOf(begin, '1 ip filter FORWARD policy drop ')).toMatchObject([
    { outcome: 'dropped', reason: 'not by Passerelle: policy drop', isOurs: false },
  ]);
  // Another project of ours is another's too.
  expect(
    fatesOf(begin, '1 inet passerelle.shop2.linux shut rule drop comment "reaches-nothing 1" (verdict drop)'),
  ).toMatchObject([{ isOurs: false }]);
});

it('says which way a packet passed, and as what', () => {
  expect(
    fatesOf(
      `1 inet ${MARKING.name} come packet: ${SYN}`,
      '1 inet passerelle.shop.linux sources rule ip saddr @masquerade4 masquerade comment "masquerade-ipv4 1" (verdict accept)',
      `1 inet ${MARKING.name} sent packet: iif "psl1" oif "eth0" ${SYN.replace('10.0.0.11', '192.0.2.2')}`,
      `1 inet ${MARKING.name} sent policy accept `,
    ),
  ).toEqual([{ packet: summary, outcome: 'passed', reason: 'as 192.0.2.2', device: 'eth0', isOurs: true }]);
  expect(fatesOf(`1 inet ${MARKING.name} taken packet: ${SYN}`)).toEqual([
    { packet: summary, outcome: 'passed', isOurs: true },
  ]);
});

it('begins anew where an id is used again', () => {
  const told = fatesOf(
    `1 inet ${MARKING.name} come packet: ${SYN}`,
    `1 inet ${MARKING.name} come packet: ${SYN.replace('== syn', '== fin,ack')}`,
    '1 ip filter FORWARD policy drop ',
  );
  expect(told.map(({ packet }) => packet.detail)).toEqual(['fin,ack']);
});

it('forgets packets whose end is never told', () => {
  const begun = Array.from({ length: 3000 }, (_, id) => `${id.toString(16)} inet t c packet: ${SYN}`);
  const drop = (id: number): string => `${id.toString(16)} inet t c policy drop`;
  expect(fatesOf(...begun, drop(2999), drop(0))).toHaveLength(1);
});

it('has a sentence for each rule of ours that ends packets', () => {
  const rules = [guardTable, gatewayTable, peerTable]
    .map((table) => table('shop', 'linux'))
    .flatMap(({ chains }) => Object.values(chains).flatMap((chain) => Object.entries(chain.rules)));
  const ending = rules.filter(([, text]) => /\bdrop\b|\breject\b/.test(text)).map(([name]) => name);
  expect([...new Set(ending), 'closed'].sort()).toEqual(Object.keys(REASONS).sort());
});

it('marks by port, MAC and address, for as long as its process lives', () => {
  const { bridge = [], inet = [] } = MARKING.chains;
  expect(MARKING.name).toBe('passerelle.shop.trace7.0');
  expect(bridge.join('\n')).toContain('iifname "tap0"');
  expect(bridge.join('\n')).toContain('ether daddr 52:54:00:00:00:0a');
  expect(inet.join('\n')).toContain('ip daddr 10.0.0.11');
  // A NIC without IPv6 has no rule of it.
  expect(inet.join('\n')).not.toContain('ip6');
});
