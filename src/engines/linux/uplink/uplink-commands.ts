import { type Change, subjectOf } from '../../../plan/resource.js';
import { formatMark } from '../marks.js';
import { uplinkOf } from './uplink-resource.js';

/**
 * What a person types for an uplink: the shell reads off the NIC what we read. One line moves everything, since the host
 * is cut off while it runs. Pure.
 */
export function uplinkCommands(project: string, change: Change): string[] {
  const subject = subjectOf(change);
  const { uplink, bridge } = uplinkOf(subject);
  const altname = formatMark(project, { kind: 'uplink', network: subject.id.split('/')[2] ?? '' });
  if (change.action === 'delete') {
    return [
      `nic=$(ip -o link show dev ${altname} | sed 's/^[0-9]*: \\([^:@]*\\).*/\\1/')`,
      ...moveCommands(bridge, '$nic', 'ip link set dev $nic nomaster'),
      `ip link property del dev $nic altname ${altname}`,
    ];
  }
  return [
    uplink === 'default'
      ? `nic=$(ip -4 -o route show default | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p' | head -n 1)`
      : `nic=${uplink}`,
    `mac=$(ip -o link show dev $nic | sed 's/.*link\\/ether \\([0-9a-f:]*\\).*/\\1/')`,
    `ip link set dev ${bridge} down`,
    `ip link set dev ${bridge} address $mac addrgenmode eui64`,
    `ip link set dev ${bridge} up`,
    `ip link property add dev $nic altname ${altname}`,
    ...moveCommands('$nic', bridge, `ip link set dev $nic master ${bridge}`),
  ];
}

function moveCommands(from: string, to: string, turn: string): string[] {
  const addresses = `addresses=$(ip -o address show dev ${from} scope global | awk '{print $4}')`;
  const gateways = `gateways=$({ ip -4 route show default dev ${from}; ip -6 route show default dev ${from}; } | awk '{print $3}')`;
  const move = `for a in $addresses; do ip address del $a dev ${from}; ip address add $a dev ${to}; done`;
  const route = `for g in $gateways; do ip route replace default via $g dev ${to}; done`;
  return [addresses, gateways, `${turn}; ${move}; ${route}`];
}
