/** Changes of rules, carried out: meters, then one bundle a bridge, then meters that nothing uses any more. */
import type { Run } from '../../../clients/command/run.js';
import type { Change } from '../../../plan/resource.js';
import { bundleLines, deleteMeter, dumpFlows, dumpMeters, runBundle, setMeter } from './ofctl.js';
import { cookieOf, resourceId } from '../identity.js';
import { type MeterProperties, propertiesOf, type RulesProperties } from '../resources.js';
import { nameOf } from '../../open-vswitch/owner.js';

/** What a bridge held before a change that makes the switch forget it, or that gives a port another number. */
export interface KeptFlows {
  /** By cookie, in normal form. Ports are named, not numbered, so they hold for the port that comes after. */
  readonly flows: ReadonlyMap<string, readonly string[]>;
  readonly meters: ReadonlyMap<number, MeterProperties>;
}

/** Properties of a bridge whose change empties its flow tables (connmgr.c, ofproto.c). */
const SWEEPING = ['datapath', 'failMode', 'controllers'];

/** Reads what the changes of bridges and ports are about to spoil. */
export async function keepFlows(
  run: Run,
  changes: readonly Change[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, KeptFlows>> {
  const swept = new Set<string>();
  /** Cookies by bridge. */
  const renumbered = new Map<string, Set<string>>();
  for (const change of changes) {
    if (change.action === 'update' && change.after.kind === 'bridge') {
      if (change.changed.some((name) => SWEEPING.includes(name)))
        swept.add(propertiesOf(change.after, 'bridge').device);
    } else if (change.action === 'replace' && change.after.kind === 'port') {
      const { bridge } = propertiesOf(change.after, 'port');
      const cookie = cookieOf(resourceId('rules', nameOf(change.after.id)));
      renumbered.set(bridge, (renumbered.get(bridge) ?? new Set()).add(cookie));
    }
  }
  const kept = new Map<string, KeptFlows>();
  for (const bridge of new Set([...swept, ...renumbered.keys()])) {
    const flows = new Map<string, string[]>();
    for (const { cookie, text } of await dumpFlows(run, bridge, signal)) {
      if (swept.has(bridge) || renumbered.get(bridge)?.has(cookie))
        flows.set(cookie, [...(flows.get(cookie) ?? []), text]);
    }
    kept.set(bridge, {
      flows,
      meters: swept.has(bridge) ? await dumpMeters(run, bridge, signal) : new Map(),
    });
  }
  return kept;
}

interface RuleChange {
  readonly cookie: string;
  readonly before?: RulesProperties;
  readonly after?: RulesProperties;
}

/** @throws PasserelleError `ovs/flows-refused` */
export async function applyFlows(
  run: Run,
  changes: readonly Change[],
  kept: ReadonlyMap<string, KeptFlows>,
  signal: AbortSignal,
): Promise<void> {
  const byBridge = groupByBridge(changes);
  for (const bridge of kept.keys()) if (!byBridge.has(bridge)) byBridge.set(bridge, []);
  const gone = new Set(
    changes.flatMap((change) =>
      change.action === 'delete' && change.before.kind === 'bridge'
        ? [propertiesOf(change.before, 'bridge').device]
        : [],
    ),
  );
  for (const [bridge, rules] of byBridge) {
    // With a bridge go its flows.
    if (!gone.has(bridge)) await applyToBridge(run, bridge, rules, kept.get(bridge), signal);
  }
}

async function applyToBridge(
  run: Run,
  bridge: string,
  rules: readonly RuleChange[],
  kept: KeptFlows | undefined,
  signal: AbortSignal,
): Promise<void> {
  const wanted = [...(kept?.meters.values() ?? []), ...rules.flatMap(({ after }) => after?.meter ?? [])];
  const unwanted = rules.flatMap(({ before, after }) =>
    before?.meter !== undefined && before.meter.number !== after?.meter?.number ? [before.meter.number] : [],
  );
  const known = wanted.length + unwanted.length > 0 ? await dumpMeters(run, bridge, signal) : new Map();
  const meters = new Map(wanted.map((meter) => [meter.number, meter]));
  for (const meter of meters.values()) await setMeter(run, bridge, meter, known.has(meter.number), signal);
  await runBundle(run, bridge, [...keptLines(kept, rules), ...rules.flatMap(ruleLines)], signal);
  for (const number of unwanted) {
    if (known.has(number) && !meters.has(number)) await deleteMeter(run, bridge, number, signal);
  }
}

/** Flows that were there and that no change is about. */
function keptLines(kept: KeptFlows | undefined, rules: readonly RuleChange[]): string[] {
  const changed = new Set(rules.map(({ cookie }) => cookie));
  return [...(kept?.flows ?? [])].flatMap(([cookie, texts]) =>
    changed.has(cookie) ? [] : bundleLines(cookie, texts),
  );
}

function ruleLines({ cookie, after }: RuleChange): string[] {
  return bundleLines(cookie, after?.flows ?? []);
}

function groupByBridge(changes: readonly Change[]): Map<string, RuleChange[]> {
  const byBridge = new Map<string, RuleChange[]>();
  const add = (bridge: string, rule: RuleChange) => {
    const rules = byBridge.get(bridge);
    if (rules === undefined) byBridge.set(bridge, [rule]);
    else rules.push(rule);
  };
  for (const change of changes) {
    const before =
      change.action === 'create' || change.before.kind !== 'rules'
        ? undefined
        : propertiesOf(change.before, 'rules');
    const after =
      change.action === 'delete' || change.after.kind !== 'rules'
        ? undefined
        : propertiesOf(change.after, 'rules');
    const id = change.action === 'delete' ? change.before.id : change.after.id;
    const cookie = cookieOf(id);
    // Rules that move to another bridge are two changes.
    if (before !== undefined && before.bridge !== after?.bridge) add(before.bridge, { cookie, before });
    if (after !== undefined) {
      add(after.bridge, { cookie, after, ...(before?.bridge === after.bridge && { before }) });
    }
  }
  return byBridge;
}
