/** Rows of the northbound database as resources: those that stand for this chassis. Pure. */
import { mapOf, numberOf, setOf, textOf } from '../../../clients/ovsdb/datum.js';
import type { Resource } from '../../../plan/resource.js';
import { machineOf, nameOf } from '../../open-vswitch/owner.js';
import { resourceId } from '../identity.js';
import { type LogicalPortProperties, makeResource } from '../resources.js';
import { CHASSIS_OPTION, ruleText } from './columns.js';
import type { MarkedRow, NorthboundSnapshot } from './snapshot.js';

/** @param chassis name of this host's. */
export function observedNorthbound(snapshot: NorthboundSnapshot, chassis: string): Resource[] {
  const { rows } = snapshot;
  const here = (each: MarkedRow) => each.chassis.includes(chassis);
  return [
    ...rows.Logical_Switch.filter(here).map(({ id, row }) =>
      makeResource('switch', nameOf(id), { name: textOf(row, 'name') ?? '' }),
    ),
    ...rows.DHCP_Options.filter(here).map(({ id, row }) =>
      makeResource('dhcp-options', nameOf(id), {
        cidr: textOf(row, 'cidr') ?? '',
        options: textMap(row, 'options'),
      }),
    ),
    ...rows.Port_Group.filter(here).map((group) => guard(group, snapshot)),
    ...rows.QoS.filter(here).map((row) => limit(row, snapshot)),
    ...rows.Logical_Switch_Port.filter(here).map((port) => logicalPort(port, snapshot, chassis)),
  ];
}

function guard({ id, row }: MarkedRow, { rows }: NorthboundSnapshot): Resource {
  const acls = new Set(setOf(row, 'acls'));
  return makeResource('guard', nameOf(id), {
    name: textOf(row, 'name') ?? '',
    rules: rows.ACL.filter(({ uuid }) => acls.has(uuid))
      .map((acl) =>
        ruleText(
          numberOf(acl.row, 'priority') ?? 0,
          // One on what goes to machines is none of ours, whatever it says.
          textOf(acl.row, 'direction') === 'from-lport' ? (textOf(acl.row, 'action') ?? '') : 'elsewhere',
          textOf(acl.row, 'match') ?? '',
        ),
      )
      .sort(),
  });
}

function limit({ id, row, uuid }: MarkedRow, { switchOf }: NorthboundSnapshot): Resource {
  const name = nameOf(id);
  const bandwidth = mapOf(row, 'bandwidth');
  return makeResource(
    'limit',
    name,
    {
      switch: textOf(switchOf(uuid)?.row ?? new Map(), 'name') ?? '',
      direction: textOf(row, 'direction') === 'to-lport' ? 'to-lport' : 'from-lport',
      match: textOf(row, 'match') ?? '',
      rateKbps: Number(bandwidth.get('rate') ?? 0),
      burstKbits: Number(bandwidth.get('burst') ?? 0),
    },
    {
      needs: [resourceId('logical-port', name.split('/').slice(0, 2).join('/'))],
      affects: [machineOf(name)],
    },
  );
}

function logicalPort(port: MarkedRow, snapshot: NorthboundSnapshot, chassis: string): Resource {
  const { id, row, uuid } = port;
  const options = textMap(row, 'options');
  const owner = snapshot.switchOf(uuid);
  const group = snapshot.groupOf(uuid);
  const dhcpRow = textOf(row, 'dhcpv4_options');
  const dhcp = snapshot.rows.DHCP_Options.find((each) => each.uuid === dhcpRow);
  const hostname = options['hostname']?.replace(/^"(.*)"$/su, '$1');
  const physicalNetwork = options['network_name'];
  const tag = numberOf(row, 'tag_request');
  const name = nameOf(id);
  return makeResource(
    'logical-port',
    name,
    {
      switch: owner === undefined ? '' : (textOf(owner.row, 'name') ?? ''),
      name: textOf(row, 'name') ?? '',
      type: (textOf(row, 'type') ?? '') as LogicalPortProperties['type'],
      addresses: setOf(row, 'addresses').map(String).sort(),
      portSecurity: setOf(row, 'port_security').map(String).sort(),
      ...(dhcpRow !== undefined && { dhcp: dhcp === undefined ? dhcpRow : nameOf(dhcp.id) }),
      ...(hostname !== undefined && { hostname }),
      ...(physicalNetwork !== undefined && { physicalNetwork }),
      ...(tag !== undefined && { tag }),
      isGuarded: group !== undefined,
      isPinned: options[CHASSIS_OPTION] === chassis,
    },
    {
      needs: [
        ...(owner === undefined ? [] : [owner.id]),
        ...(dhcp === undefined ? [] : [dhcp.id]),
        ...(group === undefined ? [] : [resourceId('guard', nameOf(group.id))]),
      ],
      affects: name.includes('/') ? [machineOf(name)] : [],
    },
  );
}

function textMap(row: MarkedRow['row'], column: string): Record<string, string> {
  return Object.fromEntries([...mapOf(row, column)].map(([key, value]) => [String(key), String(value)]));
}
