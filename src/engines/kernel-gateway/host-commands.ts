/** What a person types for resources whose meaning depends on the host: the shell finds out what we find out. Pure. */
import { type Change, subjectOf } from '../../plan/resource.js';
import { ADMISSION_KIND, acceptRules } from './rules/admission.js';
import { BRIDGE_NETFILTER_KIND, BRIDGE_NETFILTER_SETTINGS } from './rules/bridge-netfilter.js';
import { ANSWERED_ADDRESS_KIND, answeredAddressCommands } from './public/answered-address.js';
import { NEIGHBOUR_PROXY_KIND, neighbourProxyCommands } from './uplink/neighbour-proxy.js';
import { uplinkRouteCommands } from './uplink/uplink-route-commands.js';
import { UPLINK_FORWARDING_KIND } from './uplink/uplink-forwarding.js';
import { UPLINK_ROUTES_KIND } from './uplink/uplink-routes.js';

export const HOST_KINDS: ReadonlySet<string> = new Set([
  UPLINK_FORWARDING_KIND,
  BRIDGE_NETFILTER_KIND,
  ADMISSION_KIND,
  UPLINK_ROUTES_KIND,
  NEIGHBOUR_PROXY_KIND,
  ANSWERED_ADDRESS_KIND,
]);

/** @param project to whom tables of routes belong. */
export function hostCommands(project: string, change: Change): string[] {
  const subject = subjectOf(change);
  if (subject.kind === UPLINK_ROUTES_KIND) return uplinkRouteCommands(project, change);
  if (subject.kind === NEIGHBOUR_PROXY_KIND) return neighbourProxyCommands(change);
  if (subject.kind === ANSWERED_ADDRESS_KIND) return answeredAddressCommands(change);
  if (change.action === 'delete') return [`# put back what was changed for ${subject.id}`];
  switch (subject.kind) {
    case UPLINK_FORWARDING_KIND:
      return forwardingCommands(subject.properties);
    case BRIDGE_NETFILTER_KIND:
      return [
        '# unless another firewall filters forwarded packets:',
        ...BRIDGE_NETFILTER_SETTINGS.map((setting) => `sysctl -e -w ${setting}=0`),
      ];
    default:
      return [
        '# at the head of each chain of another firewall that drops what no rule of its names:',
        ...acceptRules(subject).map((rule) => `# nft insert rule FAMILY TABLE CHAIN ${rule} accept`),
      ];
  }
}

function forwardingCommands(properties: Readonly<Record<string, unknown>>): string[] {
  const { uplink, ipv4, ipv6, proxyArp, proxyNdp } = properties;
  const each = (family: 4 | 6, command: string): string => {
    if (uplink !== 'default') return command.replaceAll('$device', String(uplink));
    const devices = `$(ip -${family} -o route show default | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p' | sort -u)`;
    return `for device in ${devices}; do ${command}; done`;
  };
  return [
    ...(ipv4 === true ? [each(4, 'sysctl -w "net.ipv4.conf.$device.forwarding=1"')] : []),
    ...(proxyArp === true ? [each(4, 'sysctl -w "net.ipv4.conf.$device.proxy_arp=1"')] : []),
    ...(proxyNdp === true
      ? [each(6, 'sysctl -w "net.ipv6.conf.$device.forwarding=1" "net.ipv6.conf.$device.proxy_ndp=1"')]
      : []),
    ...(ipv6 === true ? [each(6, 'sysctl -e -w "net.ipv6.conf.$device.force_forwarding=1"')] : []),
  ];
}
