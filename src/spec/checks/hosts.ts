import type { Problem } from '../../errors.js';
import { formatAddress } from '../../wire/address.js';
import { familyName } from '../address/families.js';
import { type Draft, machinePath, networkPath } from '../draft.js';
import { mtuBetween } from '../overlay-mtu.js';
import { nearest } from '../problems/nearest.js';
import { oneOf, type Path, quoted } from '../problems/wording.js';

/** What goes wrong between the hosts, and between them and what lives on them. */
export function checkHosts(draft: Draft): Problem[] {
  const { hosts, networks, machines } = draft.spec;
  const named = [
    ...machines.map((machine) => machinePath(machine, 'host')),
    ...networks.map((network) => networkPath(network, 'gateway-host')),
  ];
  return [
    ...named.filter((path) => draft.has(path)).flatMap((path) => unknownHost(path, draft)),
    ...checkAddresses(draft),
    ...(hosts.length === 0 ? checkEncryption(draft) : [...checkSubnets(draft), ...checkMtus(draft)]),
  ];
}

function unknownHost(path: Path, draft: Draft): Problem[] {
  const name = String(draft.leaf(path));
  if (draft.declares('hosts', name)) return [];
  const names = draft.spec.hosts.map((host) => host.name);
  const meant = nearest(name, names);
  const example = `declare it: \`hosts: { ${name}: 192.0.2.1 }\``;
  return [
    {
      code: 'spec/unknown-host',
      message: `there is no host ${quoted(name)} in this file`,
      fix:
        meant === undefined
          ? names.length === 0
            ? example
            : `write ${oneOf(names)}`
          : `did you mean "${meant}"?`,
      at: draft.at(path),
    },
  ];
}

/** Tunnels have two ends, each of which the other must be able to name. */
function checkAddresses(draft: Draft): Problem[] {
  const [first] = draft.spec.hosts;
  const holders = new Map<string, string>();
  return draft.spec.hosts.flatMap(({ name, address, source }): Problem[] => {
    const text = formatAddress(address);
    const holder = holders.get(text);
    holders.set(text, name);
    if (holder !== undefined) {
      return [
        {
          code: 'spec/duplicate-host-address',
          message: `hosts ${holder} and ${name} have one address, ${text}`,
          fix: 'give each host its own',
          at: source,
        },
      ];
    }
    if (first === undefined || address.family === first.address.family) return [];
    return [
      {
        code: 'spec/mixed-host-addresses',
        message: `host ${name} has an ${familyName(address.family)} address, ${first.name} an ${familyName(first.address.family)} one`,
        fix: 'give all hosts addresses of one family: tunnels join them pair by pair',
        at: source,
      },
    ];
  });
}

/** Each host would find another subnet free. */
function checkSubnets(draft: Draft): Problem[] {
  return draft.spec.networks
    .filter((network) => network.ipv4 === 'auto' && draft.isWhole(networkPath(network)))
    .map((network) => ({
      code: 'spec/subnet-left-open',
      message: `network ${network.name} leaves its IPv4 subnet open, and each host might choose another`,
      fix: 'write the subnet, as ipv4: ADDRESS/PREFIX on the network, or ipv4: false',
      at: draft.has(networkPath(network, 'ipv4')) ? draft.at(networkPath(network, 'ipv4')) : network.source,
    }));
}

function checkMtus(draft: Draft): Problem[] {
  return draft.spec.networks.flatMap((network): Problem[] => {
    const isEncrypted = network.options['ipsec'] !== undefined;
    const most = mtuBetween(draft.spec.hosts, { engine: network.engine, isEncrypted }) ?? 0;
    if (network.mode === 'bridge' || network.mtuBytes <= most) return [];
    return [
      {
        code: 'spec/mtu-above-underlay',
        message: `network ${network.name} has an MTU of ${network.mtuBytes}, and ${isEncrypted ? 'an encrypted' : 'a'} tunnel between the hosts holds ${most}`,
        fix: `write mtu: ${most} or less, or say what passes between the hosts: hosts.NAME.mtu`,
        at: draft.at(networkPath(network, 'mtu')),
      },
    ];
  });
}

/** Between one host and itself there is nothing to encrypt. */
function checkEncryption(draft: Draft): Problem[] {
  return draft.spec.networks
    .filter((network) => network.mode !== 'bridge' && draft.has(networkPath(network, 'ipsec')))
    .map((network) => ({
      code: 'spec/ipsec-without-hosts',
      message: `network ${network.name} encrypts its tunnels, and the file names no hosts that tunnels would lead to`,
      fix: 'name them, as `hosts: { kvm1: 192.0.2.1, kvm2: 192.0.2.2 }`, or remove `ipsec`',
      at: draft.keyAt(networkPath(network, 'ipsec')),
    }));
}
