/**
 * Theory of operation. Goal: after `apply` the world is what was desired, or what it was before, and the person knows
 * which. Events, in order: checkpoint (what stands now), execute in batches of one provider each, observe again, and the
 * plan must now be empty. When a batch is refused or the check finds a difference, the checkpoint becomes the desired
 * state and the same machinery leads back to it. An abort (Ctrl-C) counts as a refusal; a kill leaves the world half
 * way, and the next `up` or `down` observes and converges, since nothing depends on a state file.
 */
import { PasserelleError, type Problem } from '../errors.js';
import { makePlan, observeAll, type Plan, type Providers, type Step } from './plan.js';
import type { Change, Resource } from './resource.js';
import { subjectOf } from './resource.js';

export interface ApplyEvents {
  /** A batch of one provider begins. */
  readonly onBatch?: (provider: string, steps: readonly Step[]) => void;
  readonly onVerify?: () => void;
  readonly onRevert?: (reason: string) => void;
}

export interface ApplyRequest {
  readonly plan: Plan;
  readonly desired: readonly Resource[];
  /** What stood when the plan was made. */
  readonly checkpoint: readonly Resource[];
  readonly providers: Providers;
  readonly events: ApplyEvents;
  readonly signal: AbortSignal;
}

const REVERT_TIMEOUT_MS = 60_000;

/**
 * Carries the plan out, verifies it, reverts when it cannot be.
 * @throws PasserelleError `apply/reverted` or `apply/revert-failed`, with what refused as further problems.
 */
export async function apply(request: ApplyRequest): Promise<void> {
  const { plan, providers, events, signal } = request;
  if (plan.steps.length === 0) return;
  try {
    await execute(plan, providers, events, signal);
    events.onVerify?.();
    await verify(plan.project, request.desired, providers, signal);
  } catch (cause) {
    const problems = problemsOf(cause);
    events.onRevert?.(problems[0]?.message ?? 'refused');
    await revert(request, problems, cause);
    throw new PasserelleError(
      [...problems, { code: 'apply/reverted', message: 'everything was put back as it was before' }],
      1,
      { cause },
    );
  }
}

async function execute(
  plan: Plan,
  providers: Providers,
  events: ApplyEvents,
  signal: AbortSignal,
): Promise<void> {
  for (const batch of batchesByProvider(plan.steps)) {
    signal.throwIfAborted();
    const provider = providers.get(batch.provider);
    if (provider === undefined) throw new Error(`no provider named ${batch.provider}`);
    events.onBatch?.(batch.provider, batch.steps);
    await provider.execute(
      batch.steps.map((step) => step.change),
      signal,
    );
  }
}

/** Neighbouring steps of one provider, in order. */
export function batchesByProvider(steps: readonly Step[]): { provider: string; steps: Step[] }[] {
  const batches: { provider: string; steps: Step[] }[] = [];
  for (const step of steps) {
    const provider = subjectOf(step.change).provider;
    const last = batches.at(-1);
    if (last?.provider === provider) last.steps.push(step);
    else batches.push({ provider, steps: [step] });
  }
  return batches;
}

async function verify(
  project: string,
  desired: readonly Resource[],
  providers: Providers,
  signal: AbortSignal,
): Promise<void> {
  const left = makePlan(project, desired, await observeAll(providers, signal), providers);
  if (left.steps.length === 0) return;
  throw new PasserelleError(
    left.steps.map((step) => ({
      code: 'apply/not-verified',
      message: `after the change, ${describeDifference(step.change)}`,
      ...(step.change.action !== 'delete' && step.change.after.source
        ? { at: step.change.after.source }
        : {}),
    })),
  );
}

function describeDifference(change: Change): string {
  switch (change.action) {
    case 'create':
      return `${change.after.id} is not there`;
    case 'delete':
      return `${change.before.id} is still there`;
    case 'update':
    case 'replace':
      return `${change.after.id} differs in ${change.changed.join(', ')}`;
  }
}

async function revert(request: ApplyRequest, problems: readonly Problem[], cause: unknown): Promise<void> {
  const { plan, checkpoint, providers } = request;
  // The person's abort has been heard; the way back has a time limit of its own.
  const signal = AbortSignal.timeout(REVERT_TIMEOUT_MS);
  try {
    const observed = await observeAll(providers, signal);
    await execute(makePlan(plan.project, checkpoint, observed, providers), providers, {}, signal);
    await verify(plan.project, checkpoint, providers, signal);
  } catch (second) {
    throw new PasserelleError(
      [
        ...problems,
        ...problemsOf(second),
        {
          code: 'apply/revert-failed',
          message: 'putting everything back did not work either',
          fix: 'run `passerelle up` or `passerelle down` again: both start from what is really there',
        },
      ],
      1,
      { cause },
    );
  }
}

function problemsOf(cause: unknown): readonly Problem[] {
  if (cause instanceof PasserelleError) return cause.problems;
  if (cause instanceof Error && cause.name === 'AbortError') {
    return [{ code: 'apply/interrupted', message: 'interrupted' }];
  }
  return [{ code: 'internal/defect', message: cause instanceof Error ? cause.message : String(cause) }];
}
