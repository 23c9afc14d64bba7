import type { Problem } from '../../errors.js';
import { locationOfKey } from '../../spec/source-location.js';
import type { Network, Nic, Topology } from '../../topology/topology.js';
import { networksOf } from './desire.js';
import { networkOptions, nicOptions, optionProblems } from './options.js';

/** What this engine cannot do with the topology, with what to write instead. Pure. */
export function checkOvn(topology: Topology): Problem[] {
  const networks = networksOf(topology);
  const names = new Set(networks.map(({ name }) => name));
  const nics = topology.machines
    .flatMap((machine) => machine.nics)
    .filter(({ network }) => names.has(network));
  const badOptions = optionProblems(networks, nics);
  if (badOptions.length > 0) return badOptions;
  return [
    ...networks.flatMap(networkProblems),
    ...networks.flatMap(tunnelProblems),
    ...nics.flatMap(nicProblems),
    ...topology.forwards
      .filter(({ network, listenAddress }) => names.has(network) && listenAddress === '::1')
      .map(
        (forward): Problem => ({
          code: 'ovn/no-ipv6-loopback-forward',
          message: 'the kernel does not rewrite connections to ::1, so this forward would never answer',
          fix: "listen on 127.0.0.1, or on one of the host's other IPv6 addresses",
          at: forward.source,
        }),
      ),
  ];
}

function networkProblems(network: Network): Problem[] {
  const { mode, name, uplink } = network;
  const problems: Problem[] = [];
  if (mode === 'bridge' && (uplink === undefined || uplink === 'default')) {
    problems.push({
      code: 'ovn/physical-network',
      message: `network ${name} does not say which network of the hosts it goes to`,
      fix: 'name one of `ovs-vsctl get Open_vSwitch . external_ids:ovn-bridge-mappings`: `uplink: office` where that is office:br-office',
      at: uplink === undefined ? network.source : locationOfKey(network, 'uplink'),
    });
  }
  if (mode !== 'bridge' && networkOptions(network).vlan !== undefined) {
    problems.push({
      code: 'ovn/vlan-inside',
      message: `network ${name} has a VLAN, and nothing outside of it where that would be seen`,
      fix: 'leave `vlan` out: a logical switch keeps networks apart by itself',
      at: locationOfKey(network, 'vlan'),
    });
  }
  return problems;
}

/** Tunnels are those of the hosts' OVN, whatever a network wishes. */
function tunnelProblems({ overlay, keyLocations, name }: Network): Problem[] {
  const at = keyLocations?.['tunnel'];
  if (overlay?.type !== 'vxlan' || at === undefined) return [];
  return [
    {
      code: 'ovn/tunnel-type',
      message: `network ${name} asks for VXLAN, and all networks of OVN share the tunnels between its hosts`,
      fix: 'leave `tunnel` out (`external_ids:ovn-encap-type` of each host decides), or write `engine: ovs`',
      at,
    },
  ];
}

function nicProblems(nic: Nic): Problem[] {
  if (nicOptions(nic).attach !== 'macvtap') return [];
  return [
    {
      code: 'ovn/no-attachment',
      message: `${nic.id} asks for macvtap, which goes past the switch`,
      fix: 'leave `attach` out: the NIC becomes a tap',
      at: nic.source,
    },
  ];
}
