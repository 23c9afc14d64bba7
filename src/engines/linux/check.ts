import type { Problem } from '../../errors.js';
import type { Topology } from '../../topology/topology.js';
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
    ...nics.flatMap((nic): Problem[] => {
      const { attach } = nicOptions(nic);
      if (attach === 'macvtap') {
        return [
          {
            code: 'linux/no-macvtap',
            message: `${nic.id} asks for macvtap, which the linux engine does not do yet`,
            fix: 'leave `attach` out: the NIC becomes a tap on the bridge',
            at: nic.source,
          },
        ];
      }
      return [];
    }),
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
