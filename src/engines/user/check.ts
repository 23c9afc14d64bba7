import type { Problem } from '../../errors.js';
import type { Nic, Topology } from '../../topology/topology.js';
import { isTap, nicOptions } from './options.js';

/** NICs that are plugged in by more than a socket. */
export function nativeNics(topology: Topology, provider: string): Nic[] {
  const ours = new Set(topology.networks.filter(({ engine }) => engine === provider).map(({ name }) => name));
  return topology.machines
    .flatMap(({ nics }) => nics)
    .filter(({ network }) => ours.has(network))
    .filter((nic) => nicOptions(nic).attach !== undefined || nicOptions(nic).isVhostUser);
}

/** What these NICs ask for that the engine cannot do. Pure. */
export function checkNics(nics: readonly Nic[]): Problem[] {
  return nics.flatMap((nic): Problem[] => {
    const { attach, isVhostUser } = nicOptions(nic);
    if (attach === 'macvtap') {
      return [
        {
          code: 'user/no-macvtap',
          message: `${nic.id} asks for macvtap, and the user engine makes no device on a NIC of the host`,
          fix: 'write `attach: tap`, and put a macvtap on that tap: ip link add link TAP type macvtap',
          at: nic.source,
        },
      ];
    }
    if (isVhostUser && attach !== undefined) {
      return [
        {
          code: 'user/port-and-attach',
          message: `${nic.id} asks for vhost-user, by which QEMU is plugged in, and for \`attach\`, by which it is not`,
          fix: 'leave one of them out',
          at: nic.source,
        },
      ];
    }
    if (isVhostUser && !nic.model.startsWith('virtio-net')) {
      return [
        {
          code: 'user/vhost-user-model',
          message: `${nic.id} asks for vhost-user, which only virtio-net has, and its model is ${nic.model}`,
          fix: 'leave `model` out, or leave `port` out',
          at: nic.source,
        },
      ];
    }
    return [];
  });
}

/** What the host lacks for them. */
export interface NativeFacts {
  readonly hasKoffi: boolean;
  /** The process may make network devices (capabilities(7), CAP_NET_ADMIN). */
  readonly mayMakeDevices: boolean;
}

/** NICs that this host cannot plug in. Pure. */
export function nativeProblems(nics: readonly Nic[], facts: NativeFacts): Problem[] {
  return nics.flatMap((nic): Problem[] => {
    if (!facts.hasKoffi) {
      return [
        {
          code: 'user/koffi-missing',
          message: `${nic.id} asks for a ${isTap(nic) ? 'tap' : 'vhost-user port'}, and the optional package koffi is not installed`,
          fix: 'npm install koffi, or leave `attach` and `port` out: sockets need nothing',
          at: nic.source,
        },
      ];
    }
    if (isTap(nic) && !facts.mayMakeDevices) {
      return [
        {
          code: 'user/tap-needs-root',
          message: `${nic.id} asks for a tap, and this user may make no network devices`,
          fix: 'run it as root, or leave `attach` out',
          at: nic.source,
        },
      ];
    }
    return [];
  });
}
