import { expect, test } from 'vitest';
import { told } from '../../../test/spec/told.js';
import { parseSpec } from '../parse.js';

const HOSTS = 'project: shop\nhosts: { kvm1: 192.0.2.1, kvm2: { address: 192.0.2.2, mtu: 9000 } }\n';

test.each([
  [
    `${HOSTS}machines:\n  web1: { host: kvm3 }\n`,
    ['4:17 spec/unknown-host: there is no host "kvm3" in this file | did you mean "kvm1"?'],
  ],
  [
    'project: shop\nmachines: { web1: { host: here } }\n',
    [
      '2:27 spec/unknown-host: there is no host "here" in this file | declare it: `hosts: { here: 192.0.2.1 }`',
    ],
  ],
  [
    `${HOSTS}networks:\n  web: { mode: isolated, gateway-host: elsewhere }\n`,
    ['4:40 spec/unknown-host: there is no host "elsewhere" in this file | write kvm1 or kvm2'],
  ],
  [
    'project: shop\nhosts:\n  a: 192.0.2.1\n  b: 192.0.2.1\n',
    ['4:3 spec/duplicate-host-address: hosts a and b have one address, 192.0.2.1 | give each host its own'],
  ],
  [
    'project: shop\nhosts:\n  a: 192.0.2.1\n  b: 2001:db8::2\n',
    [
      '4:3 spec/mixed-host-addresses: host b has an IPv6 address, a an IPv4 one | give all hosts addresses of one family: tunnels join them pair by pair',
    ],
  ],
  [
    `${HOSTS}networks:\n  web: { mode: nat }\n`,
    [
      '4:3 spec/subnet-left-open: network web leaves its IPv4 subnet open, and each host might choose another | write the subnet, as ipv4: ADDRESS/PREFIX on the network, or ipv4: false',
    ],
  ],
  [
    `${HOSTS}networks:\n  web: { mode: isolated, mtu: 1500 }\n`,
    [
      '4:31 spec/mtu-above-underlay: network web has an MTU of 1500, and a tunnel between the hosts holds 1450 | write mtu: 1450 or less, or say what passes between the hosts: hosts.NAME.mtu',
    ],
  ],
  [`${HOSTS}networks:\n  lan: { mode: bridge, mtu: 1500 }\n`, []],
  [
    'project: shop\nhosts:\n  Kvm1: 192.0.2.1\n',
    [
      '3:3 spec/bad-name: the name "Kvm1" is not a DNS label | write a-z, 0-9 and hyphens between them, for example "kvm1"',
    ],
  ],
])('%s', (text, problems) => {
  expect(told(text)).toEqual(problems);
});

test('the MTU is what is left in a tunnel of the host that can take least, over IPv4 and IPv6', () => {
  const mtuOf = (hosts: string): number | undefined => {
    const parsed = parseSpec(`project: p\nhosts: ${hosts}\nnetworks: { a: { mode: isolated } }\n`, 'f.yaml');
    return 'spec' in parsed ? parsed.spec.networks[0]?.mtuBytes : undefined;
  };
  expect(mtuOf('{ a: 192.0.2.1, b: { address: 192.0.2.2, mtu: 9000 } }')).toBe(1450);
  expect(mtuOf('{ a: { address: 2001:db8::1, mtu: 9000 } }')).toBe(8930);
  expect(mtuOf('{ a: { address: 192.0.2.1, mtu: 65535 } }')).toBe(65_485);
});
