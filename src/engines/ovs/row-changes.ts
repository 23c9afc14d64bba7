/** A plan's changes as transactions of OVSDB. Pure. */
import type { Link } from '../../clients/iproute/links.js';
import { type Change, subjectOf } from '../../plan/resource.js';
import type { Expectations } from './commit.js';
import { exportOperations } from './flow-export.js';
import { nameOf } from './identity.js';
import { propertiesOf } from './resources.js';
import { RowWork, type StandingRows } from './rows.js';
import type { UplinkFinder } from './uplink.js';

export interface RowTransactions {
  /**
   * Ports that are taken out because they come again. The switch must have acted on it before they do: a device that
   * leaves and joins within one transaction stays the device it was, and its traffic dead.
   */
  readonly first: RowWork;
  readonly main: RowWork;
  /** What must work after the main one. */
  readonly expected: Expectations;
}

export function rowTransactions(
  project: string,
  changes: readonly Change[],
  standing: StandingRows,
  uplinkDevice: UplinkFinder,
  links: ReadonlyMap<string, Link>,
): RowTransactions {
  const first = new RowWork(project, standing);
  const main = new RowWork(project, standing);
  const bridges: string[] = [];
  const interfaces: string[] = [];
  for (const change of changes) {
    const subject = subjectOf(change);
    const { id } = subject;
    const isNew = change.action === 'create' || change.action === 'replace';
    switch (subject.kind) {
      case 'bridge': {
        const bridge = propertiesOf(subject, 'bridge');
        if (change.action === 'delete') main.deleteBridge(bridge.device);
        else {
          bridges.push(bridge.device);
          if (change.action === 'replace') first.deleteBridge(propertiesOf(change.before, 'bridge').device);
          if (isNew) main.createBridge(nameOf(id), bridge);
          else main.updateBridge(bridge);
        }
        break;
      }
      case 'port': {
        const port = propertiesOf(subject, 'port');
        if (change.action === 'delete') main.deletePort(port.bridge, port.device);
        else {
          interfaces.push(port.device);
          if (change.action === 'replace') takeOut(first, propertiesOf(change.before, 'port'));
          if (isNew) main.createPort(id, port);
          else main.updatePort(id, port);
        }
        break;
      }
      case 'tunnel': {
        const tunnel = propertiesOf(subject, 'tunnel');
        if (change.action === 'delete') main.deletePort(tunnel.bridge, tunnel.device);
        else {
          interfaces.push(tunnel.device);
          if (change.action !== 'create') takeOut(first, propertiesOf(change.before, 'tunnel'));
          main.createTunnel(id, tunnel);
        }
        break;
      }
      case 'export':
        main.add(exportOperations(project, change));
        break;
      case 'uplink': {
        const { bridge, uplink } = propertiesOf(subject, 'uplink');
        const device = uplinkDevice(id, uplink);
        if (change.action === 'delete') main.deletePort(bridge, device);
        else {
          interfaces.push(device);
          if (change.action !== 'create') {
            const before = propertiesOf(change.before, 'uplink');
            takeOut(first, { bridge: before.bridge, device: uplinkDevice(id, before.uplink) });
          }
          main.createUplink(id, bridge, device, uplink);
          const mac = links.get(device)?.address;
          if (mac !== undefined) main.setBridgeMac(bridge, mac);
        }
        break;
      }
      default:
        break;
    }
  }
  return { first, main, expected: { bridges, interfaces } };
}

function takeOut(work: RowWork, port: { readonly bridge: string; readonly device: string }): void {
  work.deletePort(port.bridge, port.device);
}
