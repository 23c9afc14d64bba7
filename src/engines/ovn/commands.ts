/** A change as a person types it: `ovn-nbctl`, `ovs-vsctl`, `ip`, `nft`. Pure; the lines work as they stand. */
import { shellWord } from '../../clients/command/run.js';
import { type Change, subjectOf } from '../../plan/resource.js';
import { commandsOf, emptyWork } from '../kernel-gateway/kernel-work.js';
import { INSIDE_KIND, NAMESPACE_KIND, stageInside } from '../open-vswitch/inside.js';
import { stageTapRemovals, stageTaps, TAP_KIND, tapProperties } from '../open-vswitch/taps.js';
import { quoted } from './dhcp.js';
import { stageHostPorts } from './host-port.js';
import { externalIds, NAMESPACE_KEY, ownerOf } from './identity.js';
import { northboundCommands } from './northbound/typed.js';
import { propertiesOf } from './resources.js';

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
    case 'port': {
      const { device, logicalPort, namespace } = propertiesOf(subject, 'port');
      const columns =
        namespace === null
          ? []
          : ['type=internal', shellWord(`external_ids:${NAMESPACE_KEY}=${quoted(namespace)}`)];
      const marks =
        namespace === null ? [] : [shellWord(`external_ids:${NAMESPACE_KEY}=${quoted(namespace)}`)];
      return joinCommands(project, change, { device, logicalPort, columns, marks });
    }
    case 'host-port': {
      const { device, logicalPort, mac, mtuBytes } = propertiesOf(subject, 'host-port');
      const columns = ['type=internal', shellWord(`mac="${mac}"`), `mtu_request=${mtuBytes}`];
      const work = emptyWork();
      if (!isGone) stageHostPorts(project, [change], () => change.action === 'update', work);
      const joining = joinCommands(project, change, { device, logicalPort, columns, marks: [] });
      return [...joining, ...commandsOf(work)];
    }
    default:
      return northboundCommands(project, change);
  }
}

interface Joining {
  readonly device: string;
  readonly logicalPort: string;
  /** Of the interface. */
  readonly columns: readonly string[];
  /** Of the port, beyond those of ownership. */
  readonly marks: readonly string[];
}

function joinCommands(project: string, change: Change, joining: Joining): string[] {
  const { device, logicalPort, columns } = joining;
  const leave = `ovs-vsctl --if-exists --with-iface del-port ${DEFAULT_BRIDGE} ${device}`;
  if (change.action === 'delete') return [leave];
  const marks = Object.entries(externalIds(project, subjectOf(change).id)).map(([key, value]) =>
    shellWord(`external_ids:${key}=${value}`),
  );
  return [
    ...(change.action === 'replace' ? [leave] : []),
    [
      `ovs-vsctl --may-exist add-port ${DEFAULT_BRIDGE} ${device} -- set Port ${device}`,
      ...marks,
      ...joining.marks,
      `-- set Interface ${device} external_ids:iface-id=${logicalPort}`,
      ...columns,
      ...marks,
    ].join(' '),
  ];
}
