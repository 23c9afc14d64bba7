import type { Problem } from '../../errors.js';
import { formatAddress } from '../../wire/address.js';
import { formatCidr } from '../../wire/cidr.js';
import { familyName } from '../address/families.js';
import { type AddressRange, formatRange, hostRange, inRange } from '../address/ranges.js';
import { type Draft, networkPath } from '../draft.js';
import type { FixedSubnet, NetworkSpec } from '../spec.js';
import type { Mode } from '../vocabulary.js';

/** Smallest MTU that carries IPv6 (RFC 8200, section 5), bytes. */
const MIN_IPV6_MTU_BYTES = 1280;

/** Keys that contradict a mode, unless they say false. */
const KEYS_AGAINST_MODE: Readonly<Record<Mode, readonly string[]>> = {
  bridge: [
    'ipv4',
    'ipv6',
    'dhcp',
    'dns',
    'host-loopback',
    'proxy-arp',
    'proxy-ndp',
    'uplink-gateway',
    'service-addresses',
    'ipsec',
  ],
  isolated: [
    'uplink',
    'uplink-gateway',
    'service-addresses',
    'bond',
    'host-loopback',
    'proxy-arp',
    'proxy-ndp',
    'probes',
  ],
  nat: ['bond', 'proxy-arp', 'proxy-ndp', 'probes'],
  routed: ['bond', 'probes'],
};

const MODE_REASONS: Readonly<Record<Mode, string>> = {
  bridge: 'on a bridge network the LAN decides',
  isolated: 'an isolated network reaches its own machines only',
  nat: 'a nat network stays behind the address of the host',
  routed: 'only a bridge network takes the uplink in',
};

/** What contradicts itself within one network. */
export function checkNetworks(draft: Draft): Problem[] {
  return draft.spec.networks.flatMap((network) => [
    ...keysAgainstMode(network, draft),
    ...checkGateway(network, draft),
    ...checkDhcp(network, draft),
    ...checkServices(network, draft),
    ...checkUplinkGateway(network, draft),
  ]);
}

function keysAgainstMode(network: NetworkSpec, draft: Draft): Problem[] {
  const keys = KEYS_AGAINST_MODE[network.mode].filter((key) => {
    const path = networkPath(network, key);
    return draft.has(path) && draft.leaf(path) !== false;
  });
  const problems = keys.map((key) => againstMode(network, key, draft));
  if (network.mode === 'isolated' && draft.has(networkPath(network, 'dns', 'upstream'))) {
    problems.push(againstMode(network, 'dns', draft, 'upstream'));
  }
  return problems;
}

function againstMode(network: NetworkSpec, key: string, draft: Draft, below?: string): Problem {
  const name = below ?? key;
  return {
    code: 'spec/key-not-for-mode',
    message: `network ${network.name} is ${network.mode} and has the key "${name}"`,
    fix: `remove it: ${MODE_REASONS[network.mode]}`,
    at: draft.keyAt(networkPath(network, key, ...(below === undefined ? [] : [below]))),
  };
}

function checkGateway({ ipv4, ...network }: NetworkSpec, draft: Draft): Problem[] {
  if (typeof ipv4 === 'string') return [];
  const hosts = hostRange(ipv4.subnet);
  if (inRange(hosts, ipv4.gateway.value)) return [];
  return [
    {
      code: 'spec/address-outside-subnet',
      message: `the gateway ${formatAddress(ipv4.gateway)} of network ${network.name} is not an address for a host in ${formatCidr(ipv4.subnet)}`,
      fix: `write one from ${formatRange(hosts, 4)}`,
      at: draft.at(['networks', network.name, 'ipv4', 'gateway']),
    },
  ];
}

function checkDhcp(network: NetworkSpec, draft: Draft): Problem[] {
  const { ipv4, dhcp } = network;
  const path = networkPath(network, 'dhcp');
  const isAsked = draft.has(path) && draft.leaf(path) !== false;
  if (isAsked && ipv4 === 'none' && network.mode !== 'bridge') {
    const fix = 'write ipv4: auto on the network, or dhcp: false';
    const message = `network ${network.name} has DHCP without IPv4`;
    return [{ code: 'spec/dhcp-without-ipv4', message, fix, at: draft.at(path) }];
  }
  if (dhcp?.range === undefined || ipv4 === 'none') return [];
  const at = draft.at([...path, 'range']);
  if (ipv4 === 'auto') {
    if (!draft.isWhole(networkPath(network))) return [];
    return [
      {
        code: 'spec/address-without-subnet',
        message: `network ${network.name} has a range for DHCP and chooses its subnet itself`,
        fix: 'write the subnet too, as ipv4: ADDRESS/PREFIX on the network',
        at,
      },
    ];
  }
  return checkRange(network.name, dhcp.range, ipv4).map((problem) => ({ ...problem, at }));
}

function checkRange(name: string, range: AddressRange, fixed: FixedSubnet): Problem[] {
  const hosts = hostRange(fixed.subnet);
  if (!inRange(hosts, range.first) || !inRange(hosts, range.last)) {
    return [
      {
        code: 'spec/address-outside-subnet',
        message: `the range ${formatRange(range, 4)} of network ${name} leaves ${formatCidr(fixed.subnet)}`,
        fix: `stay within ${formatRange(hosts, 4)}`,
      },
    ];
  }
  if (!inRange(range, fixed.gateway.value)) return [];
  return [
    {
      code: 'spec/gateway-address-taken',
      message: `the range ${formatRange(range, 4)} of network ${name} holds the address of the gateway, ${formatAddress(fixed.gateway)}`,
      fix: 'leave it out of the range, or give the gateway another address with ipv4: { subnet, gateway }',
    },
  ];
}

/** By the host's own uplink the host's own routes lead. */
function checkUplinkGateway(network: NetworkSpec, draft: Draft): Problem[] {
  const { uplink, mode } = network;
  const path = networkPath(network, 'uplink-gateway');
  const isRead = mode === 'nat' || mode === 'routed';
  if (!draft.has(path) || !isRead || (uplink !== undefined && uplink !== 'default')) return [];
  return [
    {
      code: 'spec/uplink-gateway-without-uplink',
      message: `network ${network.name} has an uplink-gateway and no uplink of its own`,
      fix: 'name the NIC that it is reached by, as uplink: eth1, or remove it: by default the routes of the host hold',
      at: draft.keyAt(path),
    },
  ];
}

function checkServices(network: NetworkSpec, draft: Draft): Problem[] {
  const { name, mode, ipv4, ipv6, mtuBytes } = network;
  const problems: Problem[] = [];
  const hasNone = ipv4 === 'none' && ipv6 === 'none';
  const dnsPath = networkPath(network, 'dns');
  if (hasNone && (mode === 'nat' || mode === 'routed')) {
    problems.push({
      code: 'spec/network-without-addresses',
      message: `network ${name} is ${mode} and has neither IPv4 nor IPv6`,
      fix: 'write ipv4: auto or ipv6: auto, or mode: isolated',
      at: network.source,
    });
  } else if (hasNone && mode === 'isolated' && draft.isWhole(networkPath(network)) && draft.has(dnsPath)) {
    if (draft.leaf(dnsPath) !== false) {
      problems.push({
        code: 'spec/dns-without-addresses',
        message: `network ${name} resolves names and has no addresses`,
        fix: 'write dhcp: true or a subnet on the network, or remove dns',
        at: draft.at(dnsPath),
      });
    }
  }
  if (mode === 'bridge' && network.asksForLargestMtu === true) {
    problems.push({
      code: 'spec/largest-mtu-on-bridge',
      message: `network ${name} asks for the largest MTU, and on a bridge network the LAN decides`,
      fix: 'leave `mtu` out, or write that of the LAN',
      at: draft.at(networkPath(network, 'mtu')),
    });
  }
  if (ipv6 !== 'none' && mtuBytes < MIN_IPV6_MTU_BYTES) {
    problems.push({
      code: 'spec/mtu-below-ipv6',
      message: `network ${name} has an MTU of ${mtuBytes}, ${familyName(6)} needs ${MIN_IPV6_MTU_BYTES}`,
      fix: `write mtu: ${MIN_IPV6_MTU_BYTES} or more, or ipv6: false`,
      at: draft.at(networkPath(network, 'mtu')),
    });
  }
  return problems;
}
