import type { Problem } from '../../errors.js';
import { locationOfKey } from '../../spec/source-location.js';
import type { Network, Nic, Topology } from '../../topology/topology.js';
import { PROVIDER } from './identity.js';
import { nicOptions } from './options.js';

/** What this engine cannot do with the topology, with what to write instead. Pure. */
export function checkLinux(topology: Topology): Problem[] {
  const networks = topology.networks.filter(({ engine }) => engine === PROVIDER);
  const names = new Set(networks.map(({ name }) => name));
  const nics = topology.machines
    .flatMap((machine) => machine.nics)
    .filter(({ network }) => names.has(network));
  return [
    ...networks.flatMap(tunnelProblems),
    ...nics
      .filter((nic) => nicOptions(nic).attach === 'macvtap')
      .flatMap((nic) => macvtapProblems(nic, nics, networks)),
    ...topology.forwards
      .filter(({ network, listenAddress }) => names.has(network) && listenAddress === '::1')
      .map(
        (forward): Problem => ({
          code: 'linux/no-ipv6-loopback-forward',
          message: 'the kernel does not rewrite connections to ::1, so this forward would never answer',
          fix: "listen on 127.0.0.1, or on one of the host's other IPv6 addresses",
          at: forward.source,
        }),
      ),
  ];
}

/** A kernel bridge beside which one device serves all peers: only VXLAN's does. */
function tunnelProblems(network: Network): Problem[] {
  const { name, overlay } = network;
  if (overlay === undefined || overlay.type === 'vxlan') return [];
  return [
    {
      code: 'linux/no-such-tunnel',
      message: `network ${name} goes on at other hosts by ${overlay.type}, and a port of this engine to other hosts speaks VXLAN only`,
      fix: 'write `tunnel: vxlan` or leave it out, or write `engine: ovs` for this network',
      at: locationOfKey(network, 'tunnel'),
    },
  ];
}

/** A macvtap sits on the uplink itself, beside any bridge of ours and out of reach of its rules. */
function macvtapProblems(nic: Nic, nics: readonly Nic[], networks: readonly Network[]): Problem[] {
  const network = networks.find(({ name }) => name === nic.network);
  const { queues, rateLimitBps } = nicOptions(nic);
  const tell = (why: string, fix: string): Problem[] => [
    { code: 'linux/macvtap-not-here', message: `${nic.id} asks for macvtap, ${why}`, fix, at: nic.source },
  ];
  if (network?.mode !== 'bridge') {
    return tell(
      'and its network is not the LAN',
      'leave `attach` out, or write `mode: bridge` on the network',
    );
  }
  const others = nics.filter((other) => other.network === nic.network);
  if (others.some((other) => nicOptions(other).attach !== 'macvtap')) {
    return tell(
      `and other NICs of ${nic.network} are ports of a bridge: a NIC of the host is in the one or under the other`,
      `write \`attach: macvtap\` for all NICs of ${nic.network}, or for none`,
    );
  }
  if (nic.antiSpoofing) {
    return tell(
      'whose frames no rule of ours sees, so that it cannot be kept from speaking as another',
      'write `anti-spoofing: false` beside it, or leave `attach` out',
    );
  }
  if (queues > 1 || rateLimitBps !== null) {
    return tell('which has one pair of queues and no rate limit', 'leave `queues` and `rate-limit` out');
  }
  return [];
}
