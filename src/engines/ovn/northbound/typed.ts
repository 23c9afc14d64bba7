/** A change of the northbound database as a person types it with ovn-nbctl(8). Pure; the lines work as they stand. */
import { shellWord } from '../../../clients/command/run.js';
import { type Change, type Resource, subjectOf } from '../../../plan/resource.js';
import { quoted } from '../dhcp.js';
import { chassisKey, externalIds, groupName, resourceId } from '../identity.js';
import { propertiesOf } from '../resources.js';
import { aclColumns } from './columns.js';

/** Who the host is, is asked for where the line is typed. */
const CHASSIS = `$(ovs-vsctl get Open_vSwitch . external_ids:system-id | tr -d '"')`;

export function northboundCommands(project: string, change: Change): string[] {
  const subject = subjectOf(change);
  const isGone = change.action === 'delete';
  switch (subject.kind) {
    case 'switch': {
      const { name } = propertiesOf(subject, 'switch');
      if (isGone) return [`ovn-nbctl ls-del ${name}`];
      return [
        words(
          `ovn-nbctl --may-exist ls-add ${name} -- set Logical_Switch ${name}`,
          ...marksOf(project, subject),
        ),
      ];
    }
    case 'dhcp-options': {
      const row = found(project, 'DHCP_Options', subject.id);
      if (isGone) return [`ovn-nbctl destroy DHCP_Options ${row}`];
      const { cidr, options } = propertiesOf(subject, 'dhcp-options');
      const columns = [
        `cidr=${cidr}`,
        ...Object.entries(options).map(([key, value]) => shellWord(`options:${key}=${nested(value)}`)),
        ...marksOf(project, subject),
      ];
      return [
        change.action === 'create'
          ? words('ovn-nbctl create DHCP_Options', ...columns)
          : words(`ovn-nbctl clear DHCP_Options ${row} options -- set DHCP_Options ${row}`, ...columns),
      ];
    }
    case 'guard':
      return guardCommands(project, change);
    case 'limit':
      return limitCommands(project, change);
    case 'logical-port':
      return logicalPortCommands(project, change);
    default:
      return [];
  }
}

function logicalPortCommands(project: string, change: Change): string[] {
  const subject = subjectOf(change);
  const port = propertiesOf(subject, 'logical-port');
  const { name, type, addresses, portSecurity, dhcp, hostname, physicalNetwork, tag } = port;
  if (change.action === 'delete') return [`ovn-nbctl lsp-del ${name}`];
  const before = change.action === 'update' ? propertiesOf(change.before, 'logical-port') : undefined;
  const options = [
    ...(port.isPinned ? [`requested-chassis="${CHASSIS}"`] : []),
    ...(hostname === undefined ? [] : [shellWord(`hostname=${quoted(hostname)}`)]),
    ...(physicalNetwork === undefined ? [] : [`network_name=${physicalNetwork}`]),
  ];
  const group = groupName(project, port.switch.split('.')[2] ?? '');
  const row = `"$(ovn-nbctl --bare --columns=_uuid find Logical_Switch_Port name=${name})"`;
  // The group may have gone before.
  const membership = port.isGuarded ? 'add' : '--if-exists remove';
  return [
    words(
      `ovn-nbctl ${change.action === 'replace' ? `lsp-del ${propertiesOf(change.before, 'logical-port').name} -- ` : ''}--may-exist lsp-add ${port.switch} ${name}`,
      ...(type === '' ? [] : [`-- lsp-set-type ${name} ${type}`]),
      `-- lsp-set-addresses ${name}`,
      ...addresses.map(shellWord),
      `-- lsp-set-port-security ${name}`,
      ...portSecurity.map(shellWord),
      `-- lsp-set-options ${name}`,
      ...options,
      ...(tag === undefined ? [] : [`-- set Logical_Switch_Port ${name} tag_request=${tag}`]),
      `-- set Logical_Switch_Port ${name}`,
      ...marksOf(project, subject),
    ),
    ...(dhcp === before?.dhcp
      ? []
      : [
          words(
            `ovn-nbctl lsp-set-dhcpv4-options ${name}`,
            dhcp === undefined ? '' : found(project, 'DHCP_Options', resourceId('dhcp-options', dhcp)),
          ),
        ]),
    ...(port.isGuarded === (before?.isGuarded ?? false)
      ? []
      : [`ovn-nbctl ${membership} Port_Group ${group} ports ${row}`]),
  ];
}

function limitCommands(project: string, change: Change): string[] {
  const subject = subjectOf(change);
  const { switch: name, direction, match, rateKbps, burstKbits } = propertiesOf(subject, 'limit');
  const row = found(project, 'QoS', subject.id);
  const columns = [
    `direction=${direction} priority=1000`,
    shellWord(`match=${nested(match)}`),
    `bandwidth:rate=${rateKbps} bandwidth:burst=${burstKbits}`,
    ...marksOf(project, subject),
  ];
  if (change.action === 'delete') return [`ovn-nbctl remove Logical_Switch ${name} qos_rules ${row}`];
  if (change.action === 'update') return [words(`ovn-nbctl set QoS ${row}`, ...columns)];
  return [
    words('ovn-nbctl --id=@limit create QoS', ...columns, `-- add Logical_Switch ${name} qos_rules @limit`),
  ];
}

function guardCommands(project: string, change: Change): string[] {
  const subject = subjectOf(change);
  const { name, rules } = propertiesOf(subject, 'guard');
  if (change.action === 'delete') return [`ovn-nbctl pg-del ${name}`];
  const marks = marksOf(project, subject);
  const before = change.action === 'create' ? [] : propertiesOf(change.before, 'guard').rules;
  const gone = before.filter((rule) => !rules.includes(rule)).map(aclColumns);
  const coming = rules.filter((rule) => !before.includes(rule)).map(aclColumns);
  return [
    ...(change.action === 'create'
      ? [words(`ovn-nbctl pg-add ${name} -- set Port_Group ${name}`, ...marks)]
      : []),
    ...gone.map(({ priority, match }) =>
      words(
        `ovn-nbctl --type=port-group acl-del ${name} from-lport ${String(priority)}`,
        shellWord(String(match)),
      ),
    ),
    ...coming.map(({ priority, action, match }) =>
      words(
        `ovn-nbctl --id=@acl create ACL direction=from-lport priority=${String(priority)} action=${String(action)}`,
        shellWord(`match=${nested(String(match))}`),
        ...marks,
        `-- add Port_Group ${name} acls @acl`,
      ),
    ),
  ];
}

/** The row of a resource, as the shell finds it. */
function found(project: string, table: string, id: string): string {
  const conditions = Object.entries(externalIds(project, id)).map(
    ([key, value]) => `external_ids:${key}=${value}`,
  );
  return `"$(ovn-nbctl --bare --columns=_uuid find ${table} ${conditions.join(' ')})"`;
}

/** A value that is read as a string of OVSDB, quotes of its own included. */
function nested(value: string): string {
  return JSON.stringify(value);
}

function marksOf(project: string, { id }: Resource): string[] {
  return [
    ...Object.entries(externalIds(project, id)).map(([key, value]) =>
      shellWord(`external_ids:${key}=${value}`),
    ),
    `"external_ids:${chassisKey(CHASSIS)}=here"`,
  ];
}

function words(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' ');
}
