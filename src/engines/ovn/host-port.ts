/**
 * The host's own port on a network whose gateway it is: a logical port that has the gateway's addresses, and an internal
 * port of the integration bridge that is it. The kernel's gateway (src/engines/kernel-gateway) lives on that device.
 */
import type { Change, Resource } from '../../plan/resource.js';
import type { Network } from '../../topology/topology.js';
import { interfaceSetting } from '../../clients/sysctl/sysctl.js';
import type { KernelWork } from '../kernel-gateway/kernel-work.js';
import { nameOf, segmentMark } from '../open-vswitch/owner.js';
import { networkPortName, networkPortResource, ownerOf, resourceId, switchName } from './identity.js';
import { makeResource, propertiesOf } from './resources.js';

export function hostPort(project: string, network: Network, affects: readonly string[]): Resource[] {
  const { name, gatewayMac, ipv4, source } = network;
  const logicalPort = networkPortName(project, name, 'gateway');
  return [
    makeResource(
      'logical-port',
      networkPortResource(name, 'gateway'),
      {
        switch: switchName(project, name),
        name: logicalPort,
        type: '',
        // Not its IPv6 addresses: OVN would answer neighbour discovery for them, as for a host, and machines take a router
        // that says it is none off their list of default routers (RFC 4861, 7.2.5). The kernel answers for itself.
        addresses: [[gatewayMac, ...(ipv4 === undefined ? [] : [ipv4.gateway])].join(' ')],
        portSecurity: [],
        isGuarded: false,
        isPinned: true,
      },
      {
        needs: [resourceId('switch', name)],
        affects,
        reason: `the gateway on the logical switch of ${name}`,
        source,
      },
    ),
    makeResource(
      'host-port',
      name,
      {
        device: network.interfaceName,
        logicalPort,
        mac: gatewayMac,
        mtuBytes: network.mtuBytes,
        isUp: true,
        isMarked: true,
        isInstalled: true,
      },
      {
        needs: [resourceId('logical-port', networkPortResource(name, 'gateway'))],
        affects,
        reason: `the host's own port on ${name}`,
        source,
      },
    ),
  ];
}

/** Lines that mark the device and bring it up; its addresses are the gateway's matter. */
export function stageHostPorts(
  project: string,
  changes: readonly Change[],
  isMarked: (device: string, mark: string) => boolean,
  work: KernelWork,
): void {
  for (const change of changes) {
    if (change.action === 'delete' || change.after.kind !== 'host-port') continue;
    const { device, mac, mtuBytes } = propertiesOf(change.after, 'host-port');
    const mark = segmentMark(ownerOf(project), nameOf(change.after.id));
    if (!isMarked(device, mark)) work.linkLines.push(`link property add dev ${device} altname ${mark}`);
    work.linkLines.push(
      `link set dev ${device} addrgenmode none`,
      `link set dev ${device} address ${mac} mtu ${mtuBytes}`,
    );
    work.settings.set(interfaceSetting('ipv6', device, 'disable_ipv6'), '0');
    work.finalLinkLines.push(`link set dev ${device} up`);
  }
}
