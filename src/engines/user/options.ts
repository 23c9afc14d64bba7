import type { Nic } from '../../topology/topology.js';

/** What this engine reads of a NIC beyond the common keys. */
export interface NicOptions {
  /** `tap`, `netns`, or what this engine cannot do; absent: QEMU's own socket. */
  readonly attach: string | undefined;
  /** A namespace that the file names. */
  readonly namespace: string | undefined;
  readonly isVhostUser: boolean;
}

export function nicOptions({ options }: Nic): NicOptions {
  const { attach, netns, port } = options;
  return {
    attach: typeof attach === 'string' ? attach : undefined,
    namespace: typeof netns === 'string' ? netns : undefined,
    isVhostUser: port === 'vhost-user',
  };
}

/** Whether the NIC is a device of the kernel, and no QEMU is told of it. */
export function isTap(nic: Nic): boolean {
  const { attach } = nicOptions(nic);
  return attach === 'tap' || attach === 'netns';
}
