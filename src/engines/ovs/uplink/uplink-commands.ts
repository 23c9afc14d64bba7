/** An uplink as a person types it, and as the watchdog's shell puts it back. Pure. */
import { shellWord } from '../../../clients/command/run.js';
import type { Change } from '../../../plan/resource.js';
import { isBond, nicsOf } from '../database/bond.js';
import { ownerOf, externalIds, UPLINK_KEY } from '../identity.js';
import { propertiesOf, type UplinkProperties } from '../resources.js';
import { shieldLines } from '../../open-vswitch/shield.js';

/** Lines that carry the change out, the host's IPv4 life with it. */
export function uplinkCommands(project: string, change: Change): string[] {
  if (change.action === 'delete') return leavingCommands(project, propertiesOf(change.before, 'uplink'));
  const after = propertiesOf(change.after, 'uplink');
  const marks = marksOf(project, change.after.id);
  if (change.action === 'update' && isBond(after))
    return memberCommands(propertiesOf(change.before, 'uplink'), after, marks);
  if (isBond(after)) return bondCommands(project, change.after.id, after);
  const { bridge, uplink, isShielded } = after;
  return [
    `nic=${uplink === 'default' ? DEFAULT_NIC : uplink}`,
    words(
      `ovs-vsctl --may-exist add-port ${bridge} "$nic" -- set Port "$nic" external_ids:${UPLINK_KEY}=${uplink}`,
      ...marks,
      '-- set Interface "$nic"',
      ...marks,
      `-- set Bridge ${bridge} ${macOf('"$nic"')}`,
    ),
    ...moveCommands('"$nic"', bridge),
    ...(isShielded && uplink !== 'default' ? shieldCommands(project, [uplink]) : []),
  ];
}

/** Makes the port of an uplink as it was, marks and all, whether it is a bond or not. @param port its name. */
export function portCommand(project: string, id: string, uplink: UplinkProperties, port: string): string {
  const marks = marksOf(project, id);
  const nics = nicsOf(uplink, port);
  return words(
    'ovs-vsctl',
    ...nics.flatMap((nic, index) => [
      `-- --id=@nic${index} create Interface name=${shellWord(nic)}`,
      ...marks,
    ]),
    `-- --id=@port create Port name=${shellWord(port)} interfaces=[${nics.map((_, index) => `@nic${index}`).join(',')}]`,
    ...bondWords(uplink),
    `external_ids:${UPLINK_KEY}=${uplink.uplink}`,
    ...marks,
    `-- add Bridge ${uplink.bridge} ports @port`,
  );
}

const DEFAULT_NIC = '$(ip -o route show default | sed -n "s/.* dev \\([^ ]*\\).*/\\1/p" | head -n 1)';

function bondCommands(project: string, id: string, bond: UplinkProperties): string[] {
  const { bridge, uplink, members = [], isShielded } = bond;
  return [
    ...members.map((nic) => `ip link set dev ${nic} up`),
    portCommand(project, id, bond, uplink),
    `ovs-vsctl set Bridge ${bridge} ${macOf(members[0] ?? '')}`,
    ...members.flatMap((nic) => moveCommands(nic, bridge)),
    ...(isShielded ? shieldCommands(project, members) : []),
  ];
}

function memberCommands(
  before: UplinkProperties,
  bond: UplinkProperties,
  marks: readonly string[],
): string[] {
  const { uplink, members = [] } = bond;
  const were = before.members ?? [];
  return [
    ...members
      .filter((nic) => !were.includes(nic))
      .flatMap((nic) => [
        `ip link set dev ${nic} up`,
        words(`ovs-vsctl add-bond-iface ${uplink} ${nic} -- set Interface ${nic}`, ...marks),
      ]),
    ...were.filter((nic) => !members.includes(nic)).map((nic) => `ovs-vsctl del-bond-iface ${uplink} ${nic}`),
    words(`ovs-vsctl set Port ${uplink}`, ...bondWords(bond)),
  ];
}

function leavingCommands(project: string, before: UplinkProperties): string[] {
  const { bridge, uplink, members } = before;
  const device =
    uplink === 'default'
      ? `$(ovs-vsctl --bare --columns=name find Port external_ids:${UPLINK_KEY}=default external_ids:passerelle-project=${project})`
      : (members?.[0] ?? uplink);
  return [
    `nic=${device}`,
    ...moveCommands(bridge, '"$nic"'),
    `ovs-vsctl del-port ${bridge} ${isBond(before) ? uplink : '"$nic"'}`,
  ];
}

/** Moves the host's IPv4 life from one device to another. */
function moveCommands(from: string, to: string): string[] {
  return [
    `routes=$(ip -o route show dev ${from} | grep -v 'proto kernel' | sed 's/ linkdown//;s/ dead//')`,
    `ip link set dev ${to} up`,
    `for address in $(ip -o -4 address show dev ${from} scope global | sed 's/.* inet \\([^ ]*\\).*/\\1/'); do ip address del $address dev ${from}; ip address add $address dev ${to}; done`,
    `printf '%s\\n' "$routes" | while read -r route; do [ -z "$route" ] || ip route replace $route dev ${to}; done`,
  ];
}

function bondWords({ bondMode, lacp }: UplinkProperties): string[] {
  return bondMode === undefined ? [] : [`bond_mode=${bondMode} lacp=${lacp} other_config:lacp-time=fast`];
}

function macOf(nic: string): string {
  return `other_config:hwaddr="\\"$(cat /sys/class/net/${nic}/address)\\""`;
}

function shieldCommands(project: string, nics: readonly string[]): string[] {
  return shieldLines(ownerOf(project), nics).map((line) => `nft ${shellWord(line)}`);
}

function marksOf(project: string, id: string): string[] {
  return Object.entries(externalIds(project, id)).map(([key, value]) =>
    shellWord(`external_ids:${key}=${value}`),
  );
}

function words(...parts: readonly string[]): string {
  return parts.join(' ');
}
