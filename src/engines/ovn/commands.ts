/** A change as a person types it: `ovn-nbctl`, `ovs-vsctl`, `ip`, `nft`. Pure; the lines work as they stand. */
import { shellWord } from '../../clients/command/run.js';
import { type Change, type Resource, subjectOf } from '../../plan/resource.js';
import { commandsOf, emptyWork } from '../kernel-gateway/kernel-work.js';
import { INSIDE_KIND, NAMESPACE_KIND, stageInside } from '../open-vswitch/inside.js';
import { stageTapRemovals, stageTaps, TAP_KIND, tapProperties } from '../open-vswitch/taps.js';
import { quoted } from './dhcp.js';
import { stageHostPorts } from './host-port.js';
import { externalIds, groupName, NAMESPACE_KEY, ownerOf } from './identity.js';
import { aclColumns } from './northbound/columns.js';
import { propertiesOf } from './resources.js';

/** The host's own name and the bridge are asked for where the line is typed. */
const CHASSIS = 'requested-chassis="$(ovs-vsctl get Open_vSwitch . external_ids:system-id)"';
const DEFAULT_BRIDGE = 'br-int';

export function commandsForOvn(project: string, change: Change): string[] {
  const subject = subjectOf(change);
  const isGone = change.action === 'delete';
  switch (subject.kind) {
    case TAP_KIND: {
      const work = emptyWork();
      const { device, isShielded } = tapProperties(subject);
      const shielded = new Set(isGone && isShielded ? [device, ''] : []);
      if (isGone) stageTapRemovals(ownerOf(project), [change], shielded, work);
      else stageTaps(ownerOf(project), [change], shielded, work);
      return commandsOf(work);
    }
    case NAMESPACE_KIND:
    case INSIDE_KIND: {
      const work = emptyWork();
      stageInside([change], work);
      return commandsOf(work);
    }
    case 'switch': {
      const { name } = propertiesOf(subject, 'switch');
      if (isGone) return [`ovn-nbctl ls-del ${name}`];
      return [`ovn-nbctl --may-exist ls-add ${name} ${setMarks('Logical_Switch', name, project, subject)}`];
    }
    case 'dhcp-options': {
      const find = `$(ovn-nbctl --bare --columns=_uuid find DHCP_Options ${marksOf(project, subject).join(' ')})`;
      if (isGone) return [`ovn-nbctl destroy DHCP_Options "${find}"`];
      const { cidr, options } = propertiesOf(subject, 'dhcp-options');
      const pairs = Object.entries(options).map(([key, value]) =>
        shellWord(`options:${key}=${nested(value)}`),
      );
      return change.action === 'create'
        ? [words('ovn-nbctl create DHCP_Options', `cidr=${cidr}`, ...pairs, ...marksOf(project, subject))]
        : [words('ovn-nbctl set DHCP_Options', `"${find}"`, `cidr=${cidr}`, ...pairs)];
    }
    case 'guard':
      return guardCommands(project, change);
    case 'logical-port':
      return logicalPortCommands(project, change);
    case 'limit': {
      const { switch: name, direction, match, rateKbps, burstKbits } = propertiesOf(subject, 'limit');
      const rule = `${name} ${direction} 1000 ${shellWord(match)}`;
      return [
        ...(change.action === 'create' ? [] : [`ovn-nbctl qos-del ${rule}`]),
        ...(isGone ? [] : [`ovn-nbctl qos-add ${rule} rate=${rateKbps} burst=${burstKbits}`]),
      ];
    }
    case 'port': {
      const { device, logicalPort, namespace } = propertiesOf(subject, 'port');
      const type =
        namespace === null
          ? []
          : ['type=internal', `external_ids:${NAMESPACE_KEY}=${shellWord(quoted(namespace))}`];
      return joinCommands(project, change, device, logicalPort, type);
    }
    case 'host-port': {
      const { device, logicalPort, mac, mtuBytes } = propertiesOf(subject, 'host-port');
      const columns = ['type=internal', shellWord(`mac="${mac}"`), `mtu_request=${mtuBytes}`];
      const work = emptyWork();
      if (!isGone) stageHostPorts(project, [change], () => change.action === 'update', work);
      return [...joinCommands(project, change, device, logicalPort, columns), ...commandsOf(work)];
    }
    default:
      return [];
  }
}

function joinCommands(
  project: string,
  change: Change,
  device: string,
  logicalPort: string,
  columns: readonly string[],
): string[] {
  const subject = subjectOf(change);
  const leave = `ovs-vsctl --if-exists --with-iface del-port ${DEFAULT_BRIDGE} ${device}`;
  if (change.action === 'delete') return [leave];
  const marks = marksOf(project, subject);
  return [
    ...(change.action === 'replace' ? [leave] : []),
    words(
      `ovs-vsctl --may-exist add-port ${DEFAULT_BRIDGE} ${device} -- set Port ${device}`,
      ...marks,
      `-- set Interface ${device} external_ids:iface-id=${logicalPort}`,
      ...columns,
      ...marks,
    ),
  ];
}

function logicalPortCommands(project: string, change: Change): string[] {
  const subject = subjectOf(change);
  const port = propertiesOf(subject, 'logical-port');
  const { name, type, addresses, portSecurity, dhcp, hostname, physicalNetwork, tag } = port;
  if (change.action === 'delete') return [`ovn-nbctl lsp-del ${name}`];
  const options = [
    ...(port.isPinned ? [CHASSIS] : []),
    ...(hostname === undefined ? [] : [shellWord(`hostname=${nested(quoted(hostname))}`)]),
    ...(physicalNetwork === undefined ? [] : [`network_name=${physicalNetwork}`]),
  ];
  const network = port.switch.split('.')[2] ?? '';
  return [
    words(
      `ovn-nbctl ${change.action === 'replace' ? `lsp-del ${name} -- ` : ''}--may-exist lsp-add ${port.switch} ${name}`,
      ...(type === '' ? [] : [`-- lsp-set-type ${name} ${type}`]),
      `-- lsp-set-addresses ${name}`,
      ...addresses.map(shellWord),
      `-- lsp-set-port-security ${name}`,
      ...portSecurity.map(shellWord),
      ...(options.length === 0 ? [] : [`-- lsp-set-options ${name}`, ...options]),
      ...(tag === undefined ? [] : [`-- set Logical_Switch_Port ${name} tag_request=${tag}`]),
      setMarks('Logical_Switch_Port', name, project, subject),
    ),
    ...(dhcp === undefined
      ? []
      : [
          `ovn-nbctl lsp-set-dhcpv4-options ${name} "$(ovn-nbctl --bare --columns=_uuid find DHCP_Options external_ids:passerelle-resource=dhcp-options/${dhcp})"`,
        ]),
    ...(port.isGuarded
      ? [
          `ovn-nbctl add Port_Group ${groupName(project, network)} ports "$(ovn-nbctl --bare --columns=_uuid find Logical_Switch_Port name=${name})"`,
        ]
      : []),
  ];
}

function guardCommands(project: string, change: Change): string[] {
  const subject = subjectOf(change);
  const { name, rules } = propertiesOf(subject, 'guard');
  if (change.action === 'delete') return [`ovn-nbctl pg-del ${name}`];
  const before = change.action === 'create' ? [] : propertiesOf(change.before, 'guard').rules;
  const acl = (verb: string, rule: string, hasAction: boolean): string => {
    const { priority, match, action } = aclColumns(rule);
    return words(
      `ovn-nbctl --type=port-group ${verb} ${name} from-lport ${String(priority)}`,
      shellWord(String(match)),
      ...(hasAction ? [String(action)] : []),
    );
  };
  return [
    ...(change.action === 'create'
      ? [`ovn-nbctl pg-add ${name} ${setMarks('Port_Group', name, project, subject)}`]
      : []),
    ...before.filter((rule) => !rules.includes(rule)).map((rule) => acl('acl-del', rule, false)),
    ...rules.filter((rule) => !before.includes(rule)).map((rule) => acl('acl-add', rule, true)),
  ];
}

/** A value that is read as a string of OVSDB, quotes of its own included. */
function nested(value: string): string {
  return JSON.stringify(value);
}

function setMarks(table: string, row: string, project: string, resource: Resource): string {
  return words(`-- set ${table} ${row}`, ...marksOf(project, resource));
}

function marksOf(project: string, { id }: Resource): string[] {
  return Object.entries(externalIds(project, id)).map(([key, value]) =>
    shellWord(`external_ids:${key}=${value}`),
  );
}

function words(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' ');
}
