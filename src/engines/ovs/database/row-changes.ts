/** A plan's changes as transactions of OVSDB. Pure. */
import type { Link } from '../../../clients/iproute/links.js';
import { namedUuid, uuid, uuidName } from '../../../clients/ovsdb/notation.js';
import { type Change, subjectOf } from '../../../plan/resource.js';
import { createBond, isBond, letGo, memberChange, nicsOf, takeIn } from './bond.js';
import { createMirror, deleteMirror, reenter } from './mirror.js';
import { exportOperations } from './flow-export.js';
import type { Keys } from './ipsec.js';
import { propertiesOf, type TunnelProperties } from '../resources.js';
import { PasserelleError } from '../../../errors.js';
import { RowWork, type StandingRows } from './rows.js';
import type { UplinkFinder } from '../uplink/uplink.js';
import type { Expectations } from '../../open-vswitch/commit.js';
import { nameOf } from '../../open-vswitch/owner.js';

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
  keys: Keys = new Map(),
): RowTransactions {
  const first = new RowWork(project, standing);
  const main = new RowWork(project, standing);
  const bridges: string[] = [];
  const interfaces: string[] = [];
  /** Ports that the main transaction makes. */
  const made = new Set<string>();
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
          if (isNew) made.add(port.device);
          const forerunner = standing.portUuid(port.device);
          if (isNew) main.createPort(id, port);
          else main.updatePort(id, port);
          if (change.action === 'replace' && forerunner !== undefined)
            main.add(reenter(port.device, forerunner, standing.mirrors));
        }
        break;
      }
      case 'tunnel': {
        const tunnel = propertiesOf(subject, 'tunnel');
        if (change.action === 'delete') main.deletePort(tunnel.bridge, tunnel.device);
        else {
          interfaces.push(tunnel.device);
          if (change.action !== 'create') takeOut(first, propertiesOf(change.before, 'tunnel'));
          main.createTunnel(id, tunnel, keyOf(tunnel, keys));
        }
        break;
      }
      case 'mirror': {
        const mirror = propertiesOf(subject, 'mirror');
        const row = standing.mirrorUuid(id);
        if (change.action !== 'create' && row !== undefined)
          main.add(deleteMirror(propertiesOf(change.before, 'mirror').bridge, row));
        if (change.action !== 'delete')
          main.add(createMirror(project, id, mirror, (device) => portReference(device, made, standing)));
        break;
      }
      case 'capture': {
        const { bridge, device } = propertiesOf(subject, 'capture');
        const row = standing.mirrorUuid(id);
        if (row !== undefined) main.add(deleteMirror(bridge, row));
        main.deletePort(bridge, device);
        break;
      }
      case 'export':
        main.add(exportOperations(project, change));
        break;
      case 'uplink': {
        const wanted = propertiesOf(subject, 'uplink');
        const { bridge, uplink } = wanted;
        if (change.action === 'update' && isAboutWordOnly(change)) break;
        const device = uplinkDevice(id, uplink);
        if (change.action === 'delete') main.deletePort(bridge, device);
        else {
          const nics = nicsOf(wanted, device);
          interfaces.push(...nics);
          const before = change.action === 'create' ? undefined : propertiesOf(change.before, 'uplink');
          if (change.action === 'update' && isBond(wanted) && before !== undefined && isBond(before)) {
            const members = memberChange(before, wanted, standing.memberUuids(uplink));
            first.add(letGo(wanted, members));
            main.add(takeIn(project, id, wanted, members));
            break;
          }
          if (before !== undefined)
            takeOut(first, { bridge: before.bridge, device: uplinkDevice(id, before.uplink) });
          if (isBond(wanted)) main.add(createBond(project, id, wanted));
          else main.createUplink(id, bridge, device, uplink);
          const mac = links.get(nics[0] ?? device)?.address;
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

function portReference(
  device: string,
  made: ReadonlySet<string>,
  standing: StandingRows,
): ReturnType<typeof uuid> {
  const row = made.has(device) ? undefined : standing.portUuid(device);
  return row === undefined ? namedUuid(uuidName('port', device)) : uuid(row);
}

/** In clear is never what a tunnel falls back to. @throws PasserelleError `ovs/ipsec-key` */
function keyOf({ pskFile }: TunnelProperties, keys: Keys): string | undefined {
  if (pskFile === undefined) return undefined;
  const key = keys.get(pskFile);
  if (key !== undefined) return key;
  throw new PasserelleError({
    code: 'ovs/ipsec-key',
    message: `the key of the tunnels could not be read from ${pskFile}`,
    fix: `put one key into it on every host: openssl rand -hex 32`,
  });
}

function takeOut(work: RowWork, port: { readonly bridge: string; readonly device: string }): void {
  work.deletePort(port.bridge, port.device);
}

/** A change that stands and waits for a word, no more. */
export function isAboutWordOnly({ changed }: { readonly changed: readonly string[] }): boolean {
  return changed.every((name) => name === 'isConfirmed');
}
