import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseTraceLine } from './trace-line.js';

it('reads a packet by its fields', () => {
  const line =
    'trace id 5d5a3449 inet t come packet: iif "psl1" oif "eth 0" ether saddr 52:54:00:0b:6b:09 ether daddr 33:33:00:00:00:16 ip saddr 10.0.0.1 ip daddr 192.0.2.2 ip ecn not-ect tcp sport 40000 tcp dport 80 tcp flags == syn tcp window 64240 ';
  const told = parseTraceLine(line);
  expect(told).toMatchObject({ id: '5d5a3449', family: 'inet', table: 't', chain: 'come' });
  const fields = told?.event.kind === 'packet' ? Object.fromEntries(told.event.fields) : {};
  expect(fields).toMatchObject({
    iif: 'psl1',
    oif: 'eth 0',
    'ether saddr': '52:54:00:0b:6b:09',
    'ip daddr': '192.0.2.2',
    'tcp dport': '80',
    'tcp flags': 'syn',
  });
});

it('reads what decided: a rule with its comment, one that is gone, a policy', () => {
  expect(
    parseTraceLine(
      'trace id 1 bridge t port rule iifname . ether saddr != @hardware counter packets 0 bytes 0 drop comment "own-mac 820a" (verdict drop)',
    )?.event,
  ).toEqual({
    kind: 'rule',
    text: 'iifname . ether saddr != @hardware counter packets 0 bytes 0 drop',
    comment: 'own-mac 820a',
    verdict: 'drop',
  });
  expect(parseTraceLine('trace id 1 ip docker FORWARD rule udp dport 53 drop (verdict drop)')?.event).toEqual(
    {
      kind: 'rule',
      text: 'udp dport 53 drop',
      verdict: 'drop',
    },
  );
  expect(parseTraceLine('trace id 1 inet t c unknown rule handle 6 (verdict continue)')?.event).toEqual({
    kind: 'rule',
    verdict: 'continue',
  });
  expect(parseTraceLine('trace id 1 ip filter FORWARD policy drop ')?.event).toEqual({
    kind: 'policy',
    verdict: 'drop',
  });
});

it('makes nothing of anything else', () => {
  for (const line of [
    '',
    'add rule inet t c drop',
    'trace id zz inet t c policy drop',
    'trace id 1 inet t c rule drop',
  ])
    expect(parseTraceLine(line), line).toBeUndefined();
  const words = fc.constantFrom(
    'trace id 1',
    'inet t c',
    'packet:',
    'rule',
    '(verdict drop)',
    'ip saddr',
    '"',
    '==',
    'x',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(words).map((parts) => parts.join(' ')),
      ),
      (line) => {
        parseTraceLine(line);
      },
    ),
  );
});
