import { describe, expect, test } from 'vitest';
import { HEAD, told } from '../../test/spec/told.js';

describe('keys and types', () => {
  test.each([
    [
      'just text\n',
      [
        '1:1 spec/not-a-mapping: the file is not a mapping of keys to values | write `project: NAME`, `networks:` and `machines:`, each at the start of a line',
      ],
    ],
    [
      '- a\n',
      [
        '1:1 spec/not-a-mapping: the file is not a mapping of keys to values | write `project: NAME`, `networks:` and `machines:`, each at the start of a line',
      ],
    ],
    ['networks: {}\n', ['1:1 spec/missing-key: the file needs the key "project" | add `project: …`, a name']],
    [
      'projekt: shop\n',
      ['1:1 spec/unknown-key: unknown key "projekt" in the file | did you mean "project"?'],
    ],
    [
      'project: shop\nfirewall: {}\n',
      [
        '2:1 spec/unknown-key: unknown key "firewall" in the file | the keys here are project, engine, hosts, networks, machines or forwards',
      ],
    ],
    ['project: 42\n', ['1:10 spec/wrong-type: project is the number 42 | write project: "42"']],
    [
      'project: shop\nnetworks: [web]\n',
      ['2:11 spec/wrong-type: networks is a list | write a mapping from names to networks'],
    ],
    [
      'project: shop\nnetworks:\n  web:\n',
      ['3:3 spec/wrong-type: networks.web is empty | write a mapping such as { mode: nat }'],
    ],
    [
      'project: shop\nnetworks:\n  web: { mtu: 1500 }\n',
      ['3:3 spec/missing-key: networks.web needs the key "mode" | add `mode: …`'],
    ],
    [
      'project: shop\nnetworks:\n  web: { mode: nat, mtu: big }\n',
      [
        '3:26 spec/wrong-type: networks.web.mtu is the text "big" | write a whole number from 576 to 65520, or largest',
      ],
    ],
    [
      'project: shop\nnetworks:\n  web: { mode: nat, mtu: 99999 }\n',
      [
        '3:26 spec/out-of-range: networks.web.mtu is the number 99999 | write a whole number from 576 to 65520',
      ],
    ],
    [
      'project: shop\nnetworks:\n  web: { mode: nat, mtu: 1500.5 }\n',
      [
        '3:26 spec/wrong-type: networks.web.mtu is the number 1500.5 | write a whole number from 576 to 65520, or largest',
      ],
    ],
    [
      'project: shop\nnetworks:\n  web: { mode: nat, host-loopback: yes }\n',
      ['3:36 spec/wrong-type: networks.web.host-loopback is the text "yes" | write true or false'],
    ],
    [
      'project: shop\nnetworks:\n  web: { mode: nat, dhcp: on }\n',
      [
        '3:27 spec/wrong-type: networks.web.dhcp is the text "on" | write true, false, or a mapping with range and lease',
      ],
    ],
    [
      'project: shop\nnetworks:\n  web: { mode: nat, dhcp: { rnage: 1 } }\n',
      ['3:29 spec/unknown-key: unknown key "rnage" in networks.web.dhcp | did you mean "range"?'],
    ],
    [
      'project: shop\nnetworks:\n  web: { mode: nat, dhcp: { lease: 3600 } }\n',
      ['3:36 spec/wrong-type: networks.web.dhcp.lease is the number 3600 | write lease: "3600"'],
    ],
    [
      'project: shop\nnetworks:\n  web: { mode: nat, vlan: 4095 }\n',
      ['3:27 spec/out-of-range: networks.web.vlan is the number 4095 | write a whole number from 1 to 4094'],
    ],
    [
      'project: shop\nmachines:\n  web1: { nics: { network: web } }\n',
      ['3:17 spec/wrong-type: machines.web1.nics is a mapping | write a list of NICs'],
    ],
    [
      'project: shop\nmachines:\n  web1: { command: [qemu, 256] }\n',
      ['3:27 spec/wrong-type: machines.web1.command[1] is the number 256 | write "256"'],
    ],
    [
      'project: shop\nmachines:\n  web1: { command: "" }\n',
      [
        '3:20 spec/bad-command: machines.web1.command: the command names no program | write one such as qemu-system-x86_64 -m 256, or leave the key out',
      ],
    ],
    [
      'project: shop\nmachines:\n  web1: { command: [] }\n',
      [
        '3:20 spec/bad-command: machines.web1.command: the command names no program | write its path as the first item, or leave the key out',
      ],
    ],
    [
      'project: shop\nmachines:\n  web1: { command: "qemu \'x" }\n',
      [
        "3:20 spec/bad-command: machines.web1.command: the command ends inside single quotes | close them with '",
      ],
    ],
    [
      'project: shop\nforwards:\n  - { target: web1 }\n',
      [
        '3:5 spec/missing-key: forwards[0] needs the key "listen-port" | add `listen-port: …`, a port such as 9011, or a range such as "9001-9099"',
      ],
    ],
  ])('%j', (text, expected) => expect(told(text)).toEqual(expected));

  test.each([
    ['mode: nta', '3:16 spec/unknown-mode: unknown mode "nta" | did you mean "nat"?'],
    [
      'mode: hostonly',
      '3:16 spec/unknown-mode: unknown mode "hostonly" | write bridge, isolated, nat or routed',
    ],
    ['mode: 3', '3:16 spec/unknown-mode: unknown mode "3" | write bridge, isolated, nat or routed'],
    ['mode:', '3:10 spec/unknown-mode: networks.web.mode is empty | write bridge, isolated, nat or routed'],
    ['mode: nat, engine: linus', '3:29 spec/unknown-engine: unknown engine "linus" | did you mean "linux"?'],
    [
      'mode: nat, ipv4: 10.10.10.5/24',
      '3:27 spec/host-bits-set: networks.web.ipv4: 10.10.10.5/24 is an address inside its subnet | write 10.10.10.0/24',
    ],
    [
      'mode: nat, ipv4: 10.10.10.0/99',
      '3:27 spec/bad-cidr: networks.web.ipv4: "10.10.10.0/99" is not a subnet | write ADDRESS/PREFIX, for example 10.10.10.0/24',
    ],
    [
      'mode: nat, ipv4: true',
      '3:27 spec/wrong-type: networks.web.ipv4 is true | write a subnet such as 10.10.10.0/24, auto, false, or a mapping with subnet and gateway',
    ],
    [
      'mode: nat, ipv4: { gateway: 10.0.0.1 }',
      '3:21 spec/missing-key: networks.web.ipv4 needs the key "subnet" | add `subnet: …`, a subnet such as 10.10.10.0/24',
    ],
    [
      'mode: nat, ipv6: no',
      '3:27 spec/bad-cidr: networks.web.ipv6: "no" is not a subnet | write ADDRESS/PREFIX, for example fd00:10:10::/64',
    ],
    [
      'mode: nat, dns: { domain: Shop_1 }',
      '3:36 spec/bad-domain: networks.web.dns.domain: "Shop_1" is not a DNS domain | write lower-case labels with dots between them, for example "shop.internal"',
    ],
    [
      'mode: nat, dns: { upstream: [dns.quad9.net] }',
      '3:39 spec/bad-address: networks.web.dns.upstream[0]: "dns.quad9.net" is not an IP address | write one such as 10.10.10.11',
    ],
    [
      'mode: nat, uplink: eth0/1',
      '3:29 spec/bad-interface-name: networks.web.uplink: "eth0/1" cannot be the name of a network interface | write the name as `ip link` shows it, for example eth0, or default',
    ],
  ])('network { %s }', (keys, expected) => {
    expect(told(`project: shop\nnetworks:\n  web: { ${keys} }\n`)).toEqual([expected]);
  });

  test('names that are not DNS labels', () => {
    const rest = 'write a-z, 0-9 and hyphens between them, for example';
    expect(told('project: My Shop\nnetworks:\n  Web_1: { mode: nat }\nmachines:\n  "": {}\n')).toEqual([
      `1:10 spec/bad-name: project: the name "My Shop" is not a DNS label | ${rest} "my-shop"`,
      `3:3 spec/bad-name: the name "Web_1" is not a DNS label | ${rest} "web-1"`,
      `5:3 spec/bad-name: the name "" is not a DNS label | ${rest} "web1"`,
    ]);
  });

  test('keys of a NIC', () => {
    const text = `${HEAD}machines:\n  web1: { nics: [{ netwrok: web }, 3, { network: web, forwards: ["80"], model: "a,b", rate-limit: 1, attach: tun }] }\n`;
    expect(told(text)).toEqual([
      '7:20 spec/unknown-key: unknown key "netwrok" in machines.web1.nics[0] | did you mean "network"?',
      '7:36 spec/wrong-type: machines.web1.nics[1] is the number 3 | write a mapping such as { network: web }',
      '7:66 spec/bad-forward: machines.web1.nics[2].forwards[0]: "80" is not a forward | write [ADDRESS:]LISTEN:TARGET[/PROTOCOL], for example "80:80"',
      '7:80 spec/bad-model: machines.web1.nics[2].model: "a,b" is not a QEMU network device | write one such as virtio-net-pci, e1000 or rtl8139',
      '7:99 spec/wrong-type: machines.web1.nics[2].rate-limit is the number 1 | write rate-limit: "1"',
      '7:110 spec/unknown-attachment: unknown attachment "tun" | write tap, netns or macvtap',
    ]);
  });
});
