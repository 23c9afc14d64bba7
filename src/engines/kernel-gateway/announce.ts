import { interfaceSetting } from '../../clients/sysctl/sysctl.js';

/**
 * A machine that was on another host a moment ago is told of to its peers, which would look for it there: by the kernel
 * (ip-sysctl: arp_notify, ndisc_notify), as the device says nothing by itself.
 */
export function announcing(device: string): [name: string, value: string][] {
  return [
    [interfaceSetting('ipv4', device, 'arp_notify'), '1'],
    [interfaceSetting('ipv6', device, 'ndisc_notify'), '1'],
  ];
}
