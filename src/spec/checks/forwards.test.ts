import { describe, expect, test } from 'vitest';
import { HEAD, told } from '../../../test/spec/told.js';

describe('forwards', () => {
  const MACHINES = `machines:
  web1: { nics: [{ network: web }] }
  db1: { nics: [{ network: back }] }
  box1: { nics: [{ network: lan }, { network: back }] }
  bare1: {}
`;
  const shared = (targets: string) =>
    told(`${HEAD.replace('lan: { mode: bridge }', 'dmz: { mode: nat }')}machines:
  web1: { nics: [{ network: web }] }
  web2: { nics: [{ network: dmz }, { network: web }] }
forwards: [{ listen-port: 80, target: ${targets} }]
`);
  const long = (...list: string[]) =>
    told(`${HEAD}${MACHINES}forwards:\n${list.map((forward) => `  - { ${forward} }\n`).join('')}`);

  test.each([
    ['[web1, web2/1]', []],
    [
      '[web1, web2]',
      [
        '9:46 spec/forward-apart: the forward leads to web1/0 on web and to web2/0 on dmz | name NICs of one network, each as MACHINE/NUMBER',
      ],
    ],
    [
      '[web1, web1/0]',
      ['9:46 spec/forward-twice: the forward leads to web1/0 twice | name each machine once'],
    ],
    [
      '[web1, web3]',
      [
        '9:46 spec/unknown-machine: the forward leads to "web3", and there is no such machine | did you mean "web1"?',
      ],
    ],
    ['[]', ['9:39 spec/out-of-range: forwards[0].target is a list | write the name of at least one machine']],
  ])('shared out: %s', (targets, expected) => expect(shared(targets)).toEqual(expected));

  test.each([
    [
      'listen-port: 80, target: web2',
      '12:32 spec/unknown-machine: the forward leads to "web2", and there is no such machine | did you mean "web1"?',
    ],
    [
      'listen-port: 80, target: mailserver',
      '12:32 spec/unknown-machine: the forward leads to "mailserver", and there is no such machine | declare it under machines:',
    ],
    [
      'listen-port: 80, target: web1/1',
      '12:32 spec/unknown-nic: the forward leads to NIC 1 of web1, which has 1 | NICs count from 0',
    ],
    [
      'listen-port: 80, target: web1/x',
      '12:32 spec/bad-name: forwards[0].target: "web1/x" names no machine and no NIC | write the name of a machine, or one of its NICs as MACHINE/NUMBER, for example web1/0',
    ],
    [
      'listen-port: 80, target: db1',
      '12:32 spec/forward-isolated: the forward leads to db1 on an isolated network, which nothing outside reaches | plug db1 into a nat or routed network as well, or remove the forward',
    ],
    [
      'listen-port: 80, target: box1/1',
      '12:32 spec/forward-isolated: the forward leads to box1 on an isolated network, which nothing outside reaches | plug box1 into a nat or routed network as well, or remove the forward',
    ],
    [
      'listen-port: 80, target: box1',
      '12:32 spec/forward-no-address: the forward leads to box1, which has no IPv4 address on a nat or routed network | plug box1 into a nat or routed network with IPv4, or remove the forward',
    ],
    [
      'listen-port: 80, target: bare1',
      '12:32 spec/forward-no-address: the forward leads to bare1, which has no IPv4 address on a nat or routed network | plug bare1 into a nat or routed network with IPv4, or remove the forward',
    ],
    [
      'listen-port: 0, target: web1',
      '12:20 spec/bad-port: forwards[0].listen-port: port 0 does not exist | write a port from 1 to 65535',
    ],
    [
      'listen-port: 80-90000, target: web1',
      '12:20 spec/bad-port: forwards[0].listen-port: port 90000 does not exist | write a port from 1 to 65535',
    ],
    [
      'listen-port: http, target: web1',
      '12:20 spec/bad-port: forwards[0].listen-port: "http" is not a port or a range of ports | write a port such as 9011, or a range such as "9001-9099"',
    ],
    [
      'listen-port: 80-82, target: web1, target-port: 90-91',
      '12:54 spec/forward-range-size: 3 listen ports (80-82) cannot lead to 2 target ports (90-91) | write "90-92" to match, or a single target port',
    ],
    [
      'listen-port: 80, target: web1, protocol: udq',
      '12:48 spec/unknown-protocol: unknown protocol "udq" | did you mean "udp"?',
    ],
    [
      'listen-port: 80, target: web1, listen-address: localhost',
      '12:54 spec/bad-address: forwards[0].listen-address: "localhost" is not an IP address | write one such as 10.10.10.11',
    ],
    [
      'listen-port: 80, target: web1, source: guest',
      '12:46 spec/unknown-source: unknown source "guest" | write client or gateway',
    ],
    [
      'listen-port: 80, target: web1, listen-address: 127.1.2.3, source: client',
      '12:73 spec/forward-source: the forward listens on 127.1.2.3, whose clients are on the loopback of the host, and no machine can answer those by their own address | leave `source` out, or listen on another address',
    ],
  ])('{ %s }', (forward, expected) => expect(long(forward)).toEqual([expected]));

  test('any address but the loopback may show its clients', () => {
    expect(
      long(
        'listen-port: 80, target: web1, source: client',
        'listen-port: 81, target: web1, source: gateway, listen-address: "::1"',
        'listen-port: 82, target: web1, source: client, listen-address: "::2"',
      ),
    ).toEqual([]);
  });

  test('a forward on IPv6 wants a network with IPv6', () => {
    const text =
      'project: shop\nnetworks: { web: { mode: nat, ipv6: false } }\nmachines:\n  web1: { nics: [{ network: web, forwards: ["[::1]:80:80"] }] }\n';
    expect(told(text)).toEqual([
      '4:45 spec/forward-no-address: the forward leads to web1, which has no IPv6 address on a nat or routed network | plug web1 into a nat or routed network with IPv6, or remove the forward',
    ]);
  });

  test('the short form of a NIC on an isolated network', () => {
    expect(
      told(`${HEAD}machines:\n  db1: { nics: [{ network: back, forwards: ["80:80", "81:81"] }] }\n`),
    ).toEqual(
      ['45', '54'].map(
        (column) =>
          `7:${column} spec/forward-isolated: the forward leads to db1 on an isolated network, which nothing outside reaches | plug db1 into a nat or routed network as well, or remove the forward`,
      ),
    );
  });

  const conflicts = (...list: string[]) => {
    const [first = '', ...rest] = list;
    const short = `  web1: { nics: [{ network: web, forwards: ["${first}"] }] }\n  web2: { nics: [{ network: web, forwards: [${rest.map((text) => `"${text}"`).join(', ')}] }] }\n`;
    return told(`${HEAD}machines:\n${short}`).map((line) => line.replace(/ \|.*/, ''));
  };
  test.each([
    [
      ['80:80', '80:81'],
      [
        '8:45 spec/listen-conflict: tcp 0.0.0.0:80 is taken by the forward of tcp 0.0.0.0:80 to web1 (line 7)',
      ],
    ],
    [
      ['80:80', '127.0.0.1:80:80'],
      [
        '8:45 spec/listen-conflict: tcp 127.0.0.1:80 is taken by the forward of tcp 0.0.0.0:80 to web1 (line 7)',
      ],
    ],
    [
      ['127.0.0.1:80:80', '80:80'],
      [
        '8:45 spec/listen-conflict: tcp 0.0.0.0:80 is taken by the forward of tcp 127.0.0.1:80 to web1 (line 7)',
      ],
    ],
    [
      ['80-90:80', '85:80'],
      [
        '8:45 spec/listen-conflict: tcp 0.0.0.0:85 is taken by the forward of tcp 0.0.0.0:80-90 to web1 (line 7)',
      ],
    ],
    [
      ['85:80', '80-90:80'],
      [
        '8:45 spec/listen-conflict: tcp 0.0.0.0:80-90 is taken by the forward of tcp 0.0.0.0:85 to web1 (line 7)',
      ],
    ],
    [
      ['[::]:80:80', '[::1]:80:80'],
      ['8:45 spec/listen-conflict: tcp [::1]:80 is taken by the forward of tcp [::]:80 to web1 (line 7)'],
    ],
    [['80:80/tcp', '80:80/udp'], []],
    [['127.0.0.1:80:80', '127.0.0.2:80:80'], []],
    [['80-89:80', '90-99:80', '1-79:80'], []],
    [['80:80', '[::]:80:80'], []],
  ])('%j', (forwards, expected) => expect(conflicts(...forwards)).toEqual(expected));

  test('between the long form and the short one', () => {
    const text = `${HEAD}machines:\n  web1: { nics: [{ network: web, forwards: ["9011:9090"] }] }\nforwards:\n  - { target: web1, listen-address: 127.0.0.1, listen-port: 9001-9099 }\n`;
    expect(told(text)).toEqual([
      '9:61 spec/listen-conflict: tcp 127.0.0.1:9001-9099 is taken by the forward of tcp 0.0.0.0:9011 to web1 (line 7) | choose another listen port, or another listen address for both',
    ]);
  });
});
