/** A change as a person types it: `ovs-vsctl`, `ovs-ofctl`, `ip`, `nft`. Pure; the lines work as they stand. */
import { shellWord } from '../../clients/command/run.js';
import { type Change, subjectOf } from '../../plan/resource.js';
import { commandsOf, emptyWork } from '../kernel-gateway/kernel-work.js';
import { stageBridges } from './execute.js';
import { exportCommand } from './database/flow-export.js';
import { captureCommands, mirrorCommands } from './database/mirror.js';
import { bundleLines } from './flows/ofctl.js';
import { formatMeter } from './flows/meters.js';
import { ownerOf, cookieOf, externalIds, NAMESPACE_KEY, PSK_FILE_KEY } from './identity.js';
import {
  type BridgeProperties,
  type PortProperties,
  propertiesOf,
  type TunnelProperties,
} from './resources.js';
import { uplinkCommands } from './uplink/uplink-commands.js';
import { stageInside } from '../open-vswitch/inside.js';
import { stageTapRemovals, stageTaps } from '../open-vswitch/taps.js';

export function commandsForOvs(project: string, change: Change): string[] {
  const subject = subjectOf(change);
  const { id, kind } = subject;
  const isGone = change.action === 'delete';
  const marks = marksOf(project, id);
  switch (kind) {
    case 'tap': {
      const work = emptyWork();
      // Nothing is known of what stands: the lines shield anew, which changes nothing where it is so.
      const isShielded = propertiesOf(subject, 'tap').isShielded;
      const shielded = new Set(isGone && isShielded ? [propertiesOf(subject, 'tap').device, ''] : []);
      if (isGone) stageTapRemovals(ownerOf(project), [change], shielded, work);
      else stageTaps(ownerOf(project), [change], shielded, work);
      return commandsOf(work);
    }
    case 'bridge': {
      const bridge = propertiesOf(subject, 'bridge');
      if (isGone) return [`ovs-vsctl del-br ${bridge.device}`];
      const work = emptyWork();
      // A bridge that stands has its mark, unless that is what changes.
      const isMarked = change.action === 'update' && !change.changed.includes('isMarked');
      stageBridges(project, [change], () => isMarked, work);
      return [bridgeCommand(bridge, marks), ...commandsOf(work)];
    }
    case 'mirror':
      return mirrorCommands(project, change);
    case 'capture':
      return isGone ? captureCommands(subject) : [];
    case 'export':
      return [exportCommand(project, change)];
    case 'port': {
      const port = propertiesOf(subject, 'port');
      if (isGone) return removal(port);
      return [
        ...(change.action === 'replace' ? removal(propertiesOf(change.before, 'port')) : []),
        portCommand(port, marks),
      ];
    }
    case 'namespace':
    case 'inside': {
      const work = emptyWork();
      stageInside([change], work);
      return commandsOf(work);
    }
    case 'tunnel': {
      const tunnel = propertiesOf(subject, 'tunnel');
      if (isGone) return removal(tunnel);
      return [...(change.action === 'create' ? [] : removal(tunnel)), tunnelCommand(tunnel, marks)];
    }
    case 'rules': {
      const { bridge, flows, meter } = propertiesOf(subject, 'rules');
      const lines = bundleLines(cookieOf(id), isGone ? [] : flows);
      return [
        ...(meter !== undefined && !isGone
          ? [`ovs-ofctl -O OpenFlow14 add-meter ${bridge} ${formatMeter(meter)}`]
          : []),
        [
          'ovs-ofctl -O OpenFlow14 --bundle add-flows',
          bridge,
          "- <<'FLOWS'\n" + [...lines, 'FLOWS'].join('\n'),
        ].join(' '),
        ...(meter !== undefined && isGone
          ? [`ovs-ofctl -O OpenFlow14 del-meter ${bridge} meter=${meter.number}`]
          : []),
      ];
    }
    case 'uplink':
      return uplinkCommands(project, change);
    default:
      return [];
  }
}

function bridgeCommand(bridge: BridgeProperties, marks: readonly string[]): string {
  const { device, datapath, failMode, mac, mtuBytes, stp, rstp, multicastSnooping, controllers } = bridge;
  return words(
    'ovs-vsctl --may-exist add-br',
    device,
    '-- set Bridge',
    device,
    `datapath_type=${datapath} fail_mode=${failMode} stp_enable=${stp} rstp_enable=${rstp}`,
    `mcast_snooping_enable=${multicastSnooping} other_config:disable-in-band=true`,
    ...(mac === null ? [] : [shellWord(`other_config:hwaddr="${mac}"`)]),
    ...marks,
    `-- set Port ${device}`,
    ...marks,
    `-- set Interface ${device} mtu_request=${mtuBytes}`,
    ...marks,
    ...(controllers.length === 0
      ? [`-- del-controller ${device}`]
      : [`-- set-controller ${device}`, ...controllers]),
  );
}

function portCommand(port: PortProperties, marks: readonly string[]): string {
  const { bridge, device, namespace, tag, trunks, vlanMode, isIsolated, maxRateBps } = port;
  const isQinq = vlanMode === 'dot1q-tunnel';
  const vlans = (trunks ?? []).join(',');
  return words(
    `ovs-vsctl --may-exist add-port ${bridge} ${device} -- set Port ${device}`,
    `tag=${tag ?? '[]'} trunks=${isQinq ? '[]' : `[${vlans}]`} cvlans=${isQinq ? `[${vlans}]` : '[]'} vlan_mode=${vlanMode ?? '[]'}`,
    `protected=${isIsolated}`,
    ...(isQinq ? ['other_config:qinq-ethtype=802.1ad'] : []),
    ...marks,
    ...(namespace === null ? [] : [shellWord(`external_ids:${NAMESPACE_KEY}="${namespace}"`)]),
    ...(maxRateBps === undefined
      ? []
      : [
          `qos=@limit -- --id=@limit create QoS type=linux-htb other_config:max-rate=${maxRateBps}`,
          ...marks,
        ]),
    `-- set Interface ${device}${namespace === null ? '' : ' type=internal'}`,
    ...marks,
  );
}

function tunnelCommand(tunnel: TunnelProperties, marks: readonly string[]): string {
  const { bridge, device, type, remoteAddress, localAddress, key, port, pskFile } = tunnel;
  return words(
    `ovs-vsctl add-port ${bridge} ${device} -- set Port ${device} protected=true`,
    ...marks,
    ...(pskFile === undefined ? [] : [`external_ids:${PSK_FILE_KEY}=${pskFile}`]),
    `-- set Interface ${device} type=${type} options:key=${key} options:dst_port=${port}`,
    shellWord(`options:remote_ip="${remoteAddress}"`),
    // Read by the shell, so that no list of commands holds the key.
    ...(pskFile === undefined ? [] : [`"options:psk=\\"$(head -n 1 ${pskFile})\\""`]),
    ...(localAddress === undefined ? [] : [shellWord(`options:local_ip="${localAddress}"`)]),
    ...marks,
  );
}

function removal(port: { readonly bridge: string; readonly device: string }): string[] {
  return [`ovs-vsctl --if-exists --with-iface del-port ${port.bridge} ${port.device}`];
}

function marksOf(project: string, id: string): string[] {
  return Object.entries(externalIds(project, id)).map(([key, value]) =>
    shellWord(`external_ids:${key}=${value}`),
  );
}

function words(...parts: readonly string[]): string {
  return parts.join(' ');
}
