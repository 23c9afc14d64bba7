/**
 * ovs-ofctl(8): flows in, flows out. Changes of a bridge go as one bundle (OpenFlow 1.4, section 7.3.9), which the
 * switch takes whole or not at all. Meters are no part of bundles: they come before the flows that name them.
 */
import { PasserelleError } from '../../../errors.js';
import type { Run } from '../../../clients/command/run.js';
import { ANY_COOKIE } from '../identity.js';
import type { MeterProperties } from '../resources.js';
import { type DumpedFlow, parseDump } from './flow-text.js';
import { formatMeter, parseMeters } from './meters.js';

const OFCTL = ['ovs-ofctl', '-O', 'OpenFlow14'];

/** Our flows of a bridge; none when the switch does not answer for it. */
export async function dumpFlows(run: Run, bridge: string, signal: AbortSignal): Promise<DumpedFlow[]> {
  const argv = [...OFCTL, '--names', '--no-stats', 'dump-flows', bridge, `cookie=${ANY_COOKIE}`];
  const { exitCode, stdout } = await run(argv, { signal });
  return exitCode === 0 ? parseDump(stdout) : [];
}

/** Meters of a bridge by number; none when the switch does not answer for it. */
export async function dumpMeters(
  run: Run,
  bridge: string,
  signal: AbortSignal,
): Promise<Map<number, MeterProperties>> {
  const { exitCode, stdout } = await run([...OFCTL, 'dump-meters', bridge], { signal });
  return exitCode === 0 ? parseMeters(stdout) : new Map();
}

/** Lines of a bundle that put these flows in the place of whatever carries the cookie. */
export function bundleLines(cookie: string, flows: readonly string[]): string[] {
  return [`delete cookie=${cookie}/-1`, ...flows.map((text) => `add cookie=${cookie},${text}`)];
}

/** @throws PasserelleError `ovs/flows-refused` */
export async function runBundle(
  run: Run,
  bridge: string,
  lines: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (lines.length === 0) return;
  const argv = [...OFCTL, '--bundle', 'add-flows', bridge, '-'];
  const { exitCode, stderr } = await run(argv, { signal, input: `${lines.join('\n')}\n` });
  if (exitCode !== 0) throw refused(bridge, stderr);
}

/** @param isKnown the bridge has a meter of that number. @throws PasserelleError `ovs/flows-refused` */
export async function setMeter(
  run: Run,
  bridge: string,
  meter: MeterProperties,
  isKnown: boolean,
  signal: AbortSignal,
): Promise<void> {
  const argv = [...OFCTL, isKnown ? 'mod-meter' : 'add-meter', bridge, formatMeter(meter)];
  const { exitCode, stderr } = await run(argv, { signal });
  if (exitCode !== 0) throw refused(bridge, stderr);
}

/** @throws PasserelleError `ovs/flows-refused` */
export async function deleteMeter(
  run: Run,
  bridge: string,
  number: number,
  signal: AbortSignal,
): Promise<void> {
  const { exitCode, stderr } = await run([...OFCTL, 'del-meter', bridge, `meter=${number}`], { signal });
  if (exitCode !== 0) throw refused(bridge, stderr);
}

function refused(bridge: string, stderr: string): PasserelleError {
  const [reason = ''] = stderr.trim().split('\n');
  return new PasserelleError({
    code: 'ovs/flows-refused',
    message: `the switch refused the flows of ${bridge}: ${reason}`,
    fix: `look at what it holds: \`ovs-ofctl dump-flows ${bridge}\``,
  });
}
