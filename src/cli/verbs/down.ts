import { rm } from 'node:fs/promises';
import { apply } from '../../plan/apply.js';
import { recordHistory } from '../../plan/history.js';
import { withLock } from '../../plan/lock.js';
import { makePlan, observeAll, type Plan } from '../../plan/plan.js';
import { subjectOf } from '../../plan/resource.js';
import { applyProgress } from '../output/apply-progress.js';
import { paint } from '../output/style.js';
import { findProject } from '../project.js';
import { type CommonOptions, type Session, writeJson } from '../session.js';
import { planJson } from './plan.js';

const LOCK_WAIT_MS = 60_000;

export interface DownOptions extends CommonOptions {
  readonly project?: string;
  readonly purge?: boolean;
}

/** Stops what `up` started and removes what it made; `--purge` leases, logs and history too. */
export async function downVerb(session: Session, options: DownOptions): Promise<number> {
  const { name, places, providers } = await findProject(session, options);
  const lock = {
    runDir: places.runDir,
    verb: 'down',
    waitMs: LOCK_WAIT_MS,
    onWait: (holder: { pid: number; verb: string }) =>
      session.notes.write(`waiting for \`passerelle ${holder.verb}\` (pid ${holder.pid})\n`),
    signal: session.signal,
  };
  const plan = await withLock(lock, async () => {
    const checkpoint = await observeAll(providers, session.signal);
    const plan = makePlan(name, [], checkpoint, providers);
    const events = applyProgress(session.notes);
    try {
      await apply({ plan, desired: [], checkpoint, providers, events, signal: session.signal });
    } finally {
      events.close();
    }
    if (plan.steps.length > 0) {
      await recordHistory(places.stateDir, {
        at: new Date().toISOString(),
        verb: 'down',
        changes: plan.steps.map((step) => `delete ${subjectOf(step.change).id}`),
        outcome: 'done',
      });
    }
    for (const provider of providers.values()) await provider.sweep?.(session.signal);
    return plan;
  });
  if (options.purge) await rm(places.stateDir, { recursive: true, force: true });
  if (session.format === 'json') writeJson(session, planJson(plan));
  else session.out.write(`${paint(session.out, 'green', '✓')} ${name} is down: ${removedText(plan)}\n`);
  return 0;
}

/** `3 machines stopped, 8 other resources removed`. */
function removedText(plan: Plan): string {
  if (plan.steps.length === 0) return 'nothing to do';
  const stopped = plan.steps.filter((step) => step.impact === 'stop').length;
  const removed = plan.steps.length - stopped;
  return [
    ...(stopped > 0 ? [`${stopped} ${stopped === 1 ? 'machine' : 'machines'} stopped`] : []),
    ...(removed > 0 ? [`${removed} ${removed === 1 ? 'resource' : 'resources'} removed`] : []),
  ].join(', ');
}
