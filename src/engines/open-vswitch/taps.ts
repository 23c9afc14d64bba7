/** Taps as resources and as lines of `ip -batch`. Pure. They are persistent: QEMU comes and goes, the switch holds on. */
import type { Link } from '../../clients/iproute/links.js';
import { interfaceSetting } from '../../clients/sysctl/sysctl.js';
import type { Change, Json, Resource } from '../../plan/resource.js';
import type { KernelWork } from '../kernel-gateway/kernel-work.js';
import { machineOf, markedNic, nameOf, type Owner, tapMark } from './owner.js';
import { shieldLines, unshieldLines } from './shield.js';

export const TAP_KIND = 'tap';

/** A persistent tap of the kernel, one a NIC. It outlives the machine and the switch. */
export interface TapProperties {
  readonly device: string;
  readonly mtuBytes: number;
  /** User who may open it; null: root only. */
  readonly owner: string | null;
  readonly isUp: boolean;
  /** The host's own IP stack sees nothing of it. Under the kernel datapath that is so by itself. */
  readonly isShielded: boolean;
}

export function tapProperties(resource: Resource): TapProperties {
  if (resource.kind !== TAP_KIND) throw new Error(`${resource.id} is no tap`);
  return resource.properties as unknown as TapProperties;
}

/** Taps of ours as they stand. @param shielded devices that the shield covers. */
export function observedTaps(owner: Owner, links: Iterable<Link>, shielded: ReadonlySet<string>): Resource[] {
  return [...links].flatMap((link): Resource[] => {
    const nic = markedNic(owner, link.altnames);
    if (nic === undefined) return [];
    const properties: TapProperties = {
      device: link.ifname,
      mtuBytes: link.mtu,
      owner: typeof link.info['user'] === 'string' ? link.info['user'] : null,
      isUp: link.flags.includes('UP'),
      isShielded: shielded.has(link.ifname),
    };
    return [
      {
        id: `${owner.provider}/${TAP_KIND}/${nic}`,
        provider: owner.provider,
        kind: TAP_KIND,
        properties: properties as unknown as Record<string, Json>,
        needs: [],
        affects: [machineOf(nic)],
      },
    ];
  });
}

/** Taps that come or change: before the switch hears of them. */
export function stageTaps(
  owner: Owner,
  changes: readonly Change[],
  shielded: ReadonlySet<string>,
  work: KernelWork,
): void {
  const wanted: TapProperties[] = [];
  for (const change of changes) {
    if (change.action === 'delete' || change.after.kind !== TAP_KIND) continue;
    const tap = tapProperties(change.after);
    wanted.push(tap);
    const { device, mtuBytes, owner: user } = tap;
    if (change.action === 'create') {
      work.linkLines.push(
        `tuntap add dev ${device} mode tap${user === null ? '' : ` user ${user}`}`,
        `link property add dev ${device} altname ${tapMark(owner, nameOf(change.after.id))}`,
      );
      // The host has no address on a machine's port, and must not form one.
      work.settings.set(interfaceSetting('ipv6', device, 'disable_ipv6'), '1');
    }
    work.linkLines.push(`link set dev ${device} mtu ${mtuBytes}`);
    work.finalLinkLines.push(`link set dev ${device} up`);
  }
  const devicesWhere = (isShielded: boolean) =>
    wanted.filter((tap) => tap.isShielded === isShielded).map((tap) => tap.device);
  work.rulesetLines.push(
    ...shieldLines(
      owner,
      devicesWhere(true).filter((device) => !shielded.has(device)),
    ),
    ...unshieldLines(owner, devicesWhere(false), shielded),
  );
}

/** Taps that go: after the switch has let go of them. */
export function stageTapRemovals(
  owner: Owner,
  changes: readonly Change[],
  shielded: ReadonlySet<string>,
  work: KernelWork,
): void {
  const devices = changes.flatMap((change) =>
    change.action === 'delete' && change.before.kind === TAP_KIND
      ? [tapProperties(change.before).device]
      : [],
  );
  work.rulesetLines.push(...unshieldLines(owner, devices, shielded));
  work.doomedLinks.push(...devices);
}
