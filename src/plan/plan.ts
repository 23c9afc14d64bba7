import { lookUnder } from '../abort-signals.js';
import { diff } from './diff.js';
import type { ResourceProvider } from './provider.js';
import { IMPACTS, type Change, type Impact, type Resource, subjectOf } from './resource.js';

/** One change with what it means to the people and machines concerned. */
export interface Step {
  readonly change: Change;
  /** What the machines named in `affects` feel. */
  readonly impact: Impact;
  readonly affects: readonly string[];
}

/** The ordered steps from what is to what should be. Empty: nothing to do. */
export interface Plan {
  readonly project: string;
  readonly steps: readonly Step[];
}

export type Providers = ReadonlyMap<string, ResourceProvider>;

export function makePlan(
  project: string,
  desired: readonly Resource[],
  observed: readonly Resource[],
  providers: Providers,
): Plan {
  const changes = diff(desired, observed, (before, after, changed) =>
    providerOf(providers, after).updatesInPlace(before, after, changed),
  );
  return {
    project,
    steps: changes.map((change) => {
      const subject = subjectOf(change);
      return { change, impact: providerOf(providers, subject).impactOf(change), affects: subject.affects };
    }),
  };
}

/** Everything that stands, of all providers, read side by side: one look. */
export async function observeAll(providers: Providers, signal: AbortSignal): Promise<Resource[]> {
  const look = lookUnder(signal);
  const perProvider = await Promise.all([...providers.values()].map((provider) => provider.observe(look)));
  return perProvider.flat();
}

export function providerOf(providers: Providers, resource: Resource): ResourceProvider {
  const provider = providers.get(resource.provider);
  if (provider === undefined) throw new Error(`no provider named ${resource.provider}`);
  return provider;
}

/** The worst that each machine feels, for machines that feel anything beyond `none`. */
export function impactByMachine(plan: Plan): Map<string, Impact> {
  const worst = new Map<string, Impact>();
  for (const step of plan.steps) {
    for (const machine of step.affects) {
      const known = worst.get(machine) ?? 'none';
      if (IMPACTS.indexOf(step.impact) > IMPACTS.indexOf(known)) worst.set(machine, step.impact);
    }
  }
  return worst;
}

/**
 * Steps that interrupt a machine which stays: they want `--allow-disruption`. A machine that leaves the file is not
 * interrupted, it is asked to go.
 */
export function disruptiveSteps(plan: Plan, machinesThatStay: ReadonlySet<string>): Step[] {
  const threshold = IMPACTS.indexOf('brief-loss');
  return plan.steps.filter(
    (step) =>
      IMPACTS.indexOf(step.impact) >= threshold &&
      step.affects.some((machine) => machinesThatStay.has(machine)),
  );
}
