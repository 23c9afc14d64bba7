import { lookUnder } from '../../abort-signals.js';
import { PasserelleError } from '../../errors.js';
import { apply } from '../../plan/apply.js';
import { recordHistory } from '../../plan/history.js';
import { withLock } from '../../plan/lock.js';
import { disruptiveSteps, makePlan, observeAll, type Plan } from '../../plan/plan.js';
import { subjectOf } from '../../plan/resource.js';
import { renderPlan } from '../output/plan-printer.js';
import { applyProgress } from '../output/apply-progress.js';
import { renderMachines } from '../output/machines.js';
import { openSpec, placesOfProject, type Project, readSpec, rememberChoices } from '../project.js';
import { type CommonOptions, type Session, writeJson } from '../session.js';
import { planJson } from './plan.js';

const LOCK_WAIT_MS = 60_000;

/** Makes the world as the file says; what is already so is left alone. */
export async function upVerb(
  session: Session,
  options: CommonOptions & { allowDisruption?: boolean },
): Promise<number> {
  const spec = await readSpec(options);
  const places = placesOfProject(session, spec.project);
  const lock = {
    runDir: places.runDir,
    verb: 'up',
    waitMs: LOCK_WAIT_MS,
    onWait: (holder: { pid: number; verb: string }) =>
      session.notes.write(`waiting for \`passerelle ${holder.verb}\` (pid ${holder.pid})\n`),
    signal: session.signal,
  };
  return withLock(lock, async () => {
    // Only now: while this one waited, another may have changed what stands and what is remembered.
    const look = lookUnder(session.signal);
    const project = await openSpec({ ...session, signal: look }, options, spec);
    const checkpoint = await observeAll(project.providers, look);
    const plan = makePlan(project.topology.project, project.desired, checkpoint, project.providers);
    if (session.format === 'table') session.out.write(renderPlan(session.out, plan));
    if (!options.allowDisruption) refuseDisruption(plan, project);
    await rememberChoices(project);
    await carryOut(session, project, plan, checkpoint);
    if (session.format === 'json') writeJson(session, planJson(plan));
    else session.out.write(`\n${renderMachines(session.out, project.topology)}`);
    return 0;
  });
}

async function carryOut(
  session: Session,
  project: Project,
  plan: Plan,
  checkpoint: Awaited<ReturnType<typeof observeAll>>,
): Promise<void> {
  if (plan.steps.length === 0) return;
  const entry = {
    at: new Date().toISOString(),
    verb: 'up',
    changes: plan.steps.map((step) => `${step.change.action} ${subjectOf(step.change).id}`),
  };
  const { desired, providers } = project;
  const events = applyProgress(session.notes);
  try {
    await apply({ plan, desired, checkpoint, providers, events, signal: session.signal });
    await recordHistory(project.places.stateDir, { ...entry, outcome: 'done' });
  } catch (error) {
    await recordHistory(project.places.stateDir, { ...entry, outcome: 'failed', message: String(error) });
    throw error;
  } finally {
    events.close();
  }
}

function refuseDisruption(plan: Plan, project: Project): void {
  const staying = new Set(project.topology.machines.map((machine) => machine.name));
  const steps = disruptiveSteps(plan, staying);
  if (steps.length === 0) return;
  throw new PasserelleError(
    steps.map((step) => {
      const subject = subjectOf(step.change);
      return {
        code: 'plan/disruptive',
        message: `${step.change.action} ${subject.id} interrupts ${step.affects.join(', ')} (${step.impact})`,
        fix: 'run `passerelle up --allow-disruption` when that is wanted',
        ...(subject.source !== undefined && { at: subject.source }),
      };
    }),
  );
}
