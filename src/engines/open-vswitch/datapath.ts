import { existsSync } from 'node:fs';

/** Who moves the frames of a bridge: the kernel's module, or ovs-vswitchd (ovs-vswitchd.conf.db(5), datapath_type). */
export type Datapath = 'system' | 'netdev';

/** Present when the kernel has the openvswitch datapath, loaded or built in. */
const KERNEL_DATAPATH = '/sys/module/openvswitch';

/** The datapath that this machine offers. */
export function offeredDatapath(): Datapath {
  return existsSync(KERNEL_DATAPATH) ? 'system' : 'netdev';
}
