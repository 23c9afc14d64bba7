import { describe, expect, test } from 'vitest';
import { told } from '../../test/spec/told.js';

describe('all at once', () => {
  test('problems of every kind in one file, in its order', () => {
    const text = `projct: shop
networks:
  web: { mdoe: nat, ipv4: 10.10.10.5/24, mtu: 7 }
  back: { mode: isolatd, ipv4: 10.10.10.0/25 }
  rear: { mode: isolated, ipv4: 10.10.10.0/26 }
machines:
  web1:
    nics:
      - { network: webb, mac: "52:54:00:00:00:01" }
      - { network: rear, ipv4: 10.10.11.1, mac: "52:54:00:00:00:01" }
    command: "qemu '"
  web1: {}
forwards:
  - { listen-port: 99999, target: web1 }
  - { listen-port: 80, target: web9 }
  - { listen-port: 80, target: web1 }
`;
    expect(told(text).map((line) => line.replace(/:? .*/, ''))).toEqual([
      '1:1',
      '3:10',
      '3:27',
      '3:47',
      '4:17',
      '5:33',
      '9:20',
      '10:32',
      '10:49',
      '11:14',
      '12:3',
      '14:20',
      '15:32',
      '16:20',
    ]);
  });

  test('nothing is called missing only because it made no sense', () => {
    const text = `project: shop
networks:
  web: { mode: nat, ipv4: 10.10.10.0/33, dhcp: { range: 10.10.10.2-10.10.10.9 } }
  odd: 7
machines:
  web1: { nics: [{ network: web, ipv4: 10.10.10.11 }, { network: odd }] }
  odd1: 7
forwards:
  - { listen-port: 80, target: odd1 }
  - { listen-port: 81, target: web1 }
`;
    expect(told(text).map((line) => line.replace(/: .*/, ''))).toEqual([
      '3:27 spec/bad-cidr',
      '4:8 spec/wrong-type',
      '7:9 spec/wrong-type',
    ]);
  });

  test('no more than a person reads', () => {
    const lines = told(
      `project: shop\n${Array.from({ length: 300 }, (_, index) => `k${index}: 1\n`).join('')}`,
    );
    expect(lines).toHaveLength(201);
    expect(lines.at(-1)).toBe(
      'undefined:undefined spec/more-problems: 100 more problems follow | mend these first',
    );
  });

  test('what an alias brings in is told where it was written, once', () => {
    const text =
      'project: shop\nnetworks:\n  a: &a { mode: nat, mtuu: 1 }\n  b: *a\n  c: { <<: *a, mtu: 1400 }\n';
    expect(told(text)).toEqual([
      '3:22 spec/unknown-key: unknown key "mtuu" in networks.a | did you mean "mtu"?',
      '3:22 spec/unknown-key: unknown key "mtuu" in networks.b | did you mean "mtu"?',
      expect.stringMatching(
        /^3:22 spec\/unknown-key: unknown key "mtuu" in networks\.c \| the keys here are mode, .* or [a-z-]+$/,
      ),
    ]);
  });

  test.each([
    ['project: shop\nnetworks: { web: *base }\n', '2:18 spec/unknown-alias'],
    ['project: shop\nnetworks: { web: { <<: *base } }\n', '2:24 spec/unknown-alias'],
    ['project: shop\nnetworks: { web: { <<: 7 } }\n', '2:24 spec/bad-merge'],
    ['project: shop\nnetworks: { web: { [mode]: nat } }\n', '2:20 spec/bad-key'],
    ['project: *name\nnetworks: { web: { mode: nat, ipv4: *subnet } }\n', '1:10 spec/unknown-alias'],
  ])('what YAML could not give is told once: %j', (text, expected) => {
    expect(told(text).map((line) => line.replace(/: .*/, ''))[0]).toBe(expected);
    expect(new Set(told(text).map((line) => line.replace(/^[\d:]+ (\S+):.*/, '$1'))).size).toBe(1);
  });
});
