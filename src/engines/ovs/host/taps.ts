/** Taps as lines of `ip -batch`. Pure. They are persistent: QEMU comes and goes, and the switch holds on. */
import { interfaceSetting } from '../../../clients/sysctl/sysctl.js';
import type { Change } from '../../../plan/resource.js';
import type { KernelWork } from '../../kernel-gateway/kernel-work.js';
import { nameOf, tapMark } from '../identity.js';
import { propertiesOf, type TapProperties } from '../resources.js';
import { shieldLines, unshieldLines } from './shield.js';

/** Taps that come or change: before the switch hears of them. */
export function stageTaps(
  project: string,
  changes: readonly Change[],
  shielded: ReadonlySet<string>,
  work: KernelWork,
): void {
  const wanted: TapProperties[] = [];
  for (const change of changes) {
    if (change.action === 'delete' || change.after.kind !== 'tap') continue;
    const tap = propertiesOf(change.after, 'tap');
    wanted.push(tap);
    const { device, mtuBytes, owner } = tap;
    if (change.action === 'create') {
      work.linkLines.push(
        `tuntap add dev ${device} mode tap${owner === null ? '' : ` user ${owner}`}`,
        `link property add dev ${device} altname ${tapMark(project, nameOf(change.after.id))}`,
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
      project,
      devicesWhere(true).filter((device) => !shielded.has(device)),
    ),
    ...unshieldLines(project, devicesWhere(false), shielded),
  );
}

/** Taps that go: after the switch has let go of them. */
export function stageTapRemovals(
  project: string,
  changes: readonly Change[],
  shielded: ReadonlySet<string>,
  work: KernelWork,
): void {
  const devices = changes.flatMap((change) =>
    change.action === 'delete' && change.before.kind === 'tap'
      ? [propertiesOf(change.before, 'tap').device]
      : [],
  );
  work.rulesetLines.push(...unshieldLines(project, devices, shielded));
  work.doomedLinks.push(...devices);
}
