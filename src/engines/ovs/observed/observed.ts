/** What was read of the host, as resources. Pure; `observe.ts` does the reading. */
import { flagOf, mapOf, numberOf, type Row, setOf, textOf } from '../../../clients/ovsdb/datum.js';
import type { Resource } from '../../../plan/resource.js';
import { meterIn } from '../flows/flow-text.js';
import { cookieOf, ownerOf, resourceId } from '../identity.js';
import { observedExports } from '../database/flow-export.js';
import { observedMirrors } from '../database/mirror.js';
import { observedNamespaces } from '../../open-vswitch/inside.js';
import { machineOf, nameOf, segmentMark } from '../../open-vswitch/owner.js';
import { observedTaps } from '../../open-vswitch/taps.js';
import { type BridgeProperties, makeResource } from '../resources.js';
import type { HostState } from './host-state.js';
import { internalPorts, observedPorts } from './observed-ports.js';
import type { Snapshot } from '../database/snapshot.js';

export function observedResources(state: HostState): Resource[] {
  const { snapshot } = state;
  const bridges = [...snapshot.bridges].map(([id, row]) =>
    makeResource('bridge', nameOf(id), bridgeProperties(id, row, state), {
      affects: [...machinesOn(snapshot, row)],
    }),
  );
  return [
    ...bridges,
    ...observedTaps(ownerOf(state.project), state.links.values(), state.shielded),
    ...observedPorts(state),
    ...observedExports(snapshot.exports, [...snapshot.bridges.values()]),
    ...observedMirrors(snapshot.mirrorsById, [...snapshot.bridges.values()], deviceNames(snapshot)),
    ...observedRules(state),
    ...observedNamespaces(ownerOf(state.project), {
      inside: state.inside,
      internalPorts: internalPorts(state),
    }),
  ];
}

function bridgeProperties(id: string, row: Row, { project, snapshot, links }: HostState): BridgeProperties {
  const device = textOf(row, 'name') ?? '';
  // The bridge's own port bears the mark of the bridge.
  const local = snapshot.ports.get(id)?.interface;
  const hasUplink = snapshot.ports.has(resourceId('uplink', nameOf(id)));
  const link = links.get(device);
  return {
    device,
    datapath: textOf(row, 'datapath_type') === 'netdev' ? 'netdev' : 'system',
    failMode: textOf(row, 'fail_mode') === 'secure' ? 'secure' : 'standalone',
    mac: hasUplink ? null : String(mapOf(row, 'other_config').get('hwaddr') ?? ''),
    mtuBytes: numberOf(local ?? new Map(), 'mtu_request') ?? 0,
    isUp: link?.flags.includes('UP') ?? false,
    isMarked: link?.altnames.includes(segmentMark(ownerOf(project), nameOf(id))) ?? false,
    stp: flagOf(row, 'stp_enable'),
    rstp: flagOf(row, 'rstp_enable'),
    multicastSnooping: flagOf(row, 'mcast_snooping_enable'),
    controllers: setOf(row, 'controller')
      .map((uuid) => textOf(snapshot.controllers.get(String(uuid)) ?? new Map(), 'target') ?? '')
      .sort(),
  };
}

/** Flows of ours by their cookies; a cookie that no resource has is one of a resource that is gone. */
function observedRules(state: HostState): Resource[] {
  const names = new Map(
    [...state.snapshot.bridges.keys(), ...state.snapshot.ports.keys()].map((id) => [
      cookieOf(resourceId('rules', nameOf(id))),
      nameOf(id),
    ]),
  );
  return [...state.flows].flatMap(([bridge, dumped]) => {
    const byCookie = new Map<string, string[]>();
    for (const { cookie, text } of dumped) {
      const texts = byCookie.get(cookie);
      if (texts === undefined) byCookie.set(cookie, [text]);
      else texts.push(text);
    }
    return [...byCookie].map(([cookie, flows]) => {
      const name = names.get(cookie) ?? cookie;
      const number = flows.map(meterIn).find((each) => each !== undefined);
      const meter = number === undefined ? undefined : state.meters.get(bridge)?.get(number);
      const isNic = name.includes('/');
      return makeResource(
        'rules',
        name,
        { bridge, flows: flows.sort(), ...(meter && { meter }) },
        {
          needs: [resourceId(isNic ? 'port' : 'bridge', name)],
          affects: isNic ? [machineOf(name)] : [],
        },
      );
    });
  });
}

function deviceNames({ ports }: Snapshot): (row: string) => string | undefined {
  const names = new Map([...ports.values()].map(({ uuid, port }) => [uuid, textOf(port, 'name')]));
  return (row) => names.get(row);
}

function machinesOn(snapshot: Snapshot, bridge: Row): Set<string> {
  const name = textOf(bridge, 'name');
  return new Set(
    [...snapshot.ports].flatMap(([id, rows]) =>
      rows.bridge === name && id.startsWith(resourceId('port', '')) ? [machineOf(nameOf(id))] : [],
    ),
  );
}
