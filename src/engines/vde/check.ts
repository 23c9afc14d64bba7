/** What this engine cannot do with the topology, with what to write instead. Pure. */
import type { Problem } from '../../errors.js';
import type { Places } from '../../places.js';
import type { Network, Topology } from '../../topology/topology.js';
import { nicsOn } from './desire.js';
import { excessPathBytes, networkFiles } from './network-files.js';
import { MAX_PORTS_PER_NETWORK } from './numbering.js';
import { networkOptions } from './options.js';
import { parsePlugUrl } from './plug-url.js';
import { PROVIDER } from './resources.js';

/** A frame of vde_switch holds 1518 bytes: this much of a packet, its header and a VLAN tag. */
const MAX_MTU_BYTES = 1_500;
/** Plugs that lead to the host itself, or out by it. */
const HOST_MODULES: ReadonlySet<string> = new Set(['tap', 'macvtap', 'pcap', 'slirp']);

export function checkVde(places: Places, topology: Topology): Problem[] {
  return topology.networks
    .filter(({ engine }) => engine === PROVIDER)
    .flatMap((network) => [
      ...sizeProblems(places, topology, network),
      ...networkOptions(network).plugs.flatMap((url, index, all) => plugProblems(network, url, index, all)),
    ]);
}

function sizeProblems(places: Places, topology: Topology, network: Network): Problem[] {
  const { name, mtuBytes, source: at } = network;
  const excess = excessPathBytes(networkFiles(places, name));
  const ports = nicsOn(topology, network).length + networkOptions(network).plugs.length;
  return [
    ...(mtuBytes > MAX_MTU_BYTES
      ? [
          {
            code: 'vde/mtu-too-large',
            message: `network ${name} has an MTU of ${mtuBytes}, and a frame of vde_switch holds ${MAX_MTU_BYTES}`,
            fix: `write \`mtu: ${MAX_MTU_BYTES}\`, or \`engine: user\``,
            at,
          },
        ]
      : []),
    ...(excess > 0
      ? [
          {
            code: 'vde/socket-path-too-long',
            message: `the sockets of ${name} would be ${excess} bytes too long for a unix socket's path`,
            fix: 'shorten the project or network name, or set XDG_RUNTIME_DIR to a shorter directory',
            at,
          },
        ]
      : []),
    ...(ports > MAX_PORTS_PER_NETWORK
      ? [
          {
            code: 'vde/too-many-ports',
            message: `network ${name} has ${ports} ports, and a vde_switch of ours ${MAX_PORTS_PER_NETWORK}`,
            fix: 'spread the machines over several networks, or write `engine: linux`',
            at,
          },
        ]
      : []),
  ];
}

function plugProblems(network: Network, url: string, index: number, all: readonly string[]): Problem[] {
  const { name, mode, source: at } = network;
  const plug = parsePlugUrl(url);
  if (plug === undefined) {
    return [
      {
        code: 'vde/bad-plug',
        message: `network ${name} has the plug ${JSON.stringify(url)}, which is no vde_plug URL`,
        fix: 'write one such as vxvde://239.1.2.3, vde:///run/other/ctl or cmd://ssh host vde_plug',
        at,
      },
    ];
  }
  if (all.indexOf(url) !== index) {
    return [
      {
        code: 'vde/duplicate-plug',
        message: `network ${name} has the plug ${url} twice, which would be a loop`,
        fix: 'leave one of them out',
        at,
      },
    ];
  }
  if (mode === 'isolated' && HOST_MODULES.has(plug.module)) {
    return [
      {
        code: 'vde/plug-opens-isolated',
        message: `network ${name} is isolated, and the plug ${url} leads to the host`,
        fix: 'leave it out, or write `mode: nat`',
        at,
      },
    ];
  }
  return [];
}
