import { lookUnder } from '../../abort-signals.js';
import { makePlan, observeAll, providerOf, type Plan } from '../../plan/plan.js';
import { subjectOf } from '../../plan/resource.js';
import { renderPlan } from '../output/plan-printer.js';
import { openProject } from '../project.js';
import { type CommonOptions, EXIT_CHANGES, type Session, writeJson } from '../session.js';

/** Shows what `up` would do; `--commands` as what a person would type. Touches nothing. */
export async function planVerb(
  session: Session,
  options: CommonOptions & { commands?: boolean },
): Promise<number> {
  const look = lookUnder(session.signal);
  const project = await openProject({ ...session, signal: look }, options);
  const observed = await observeAll(project.providers, look);
  const plan = makePlan(project.topology.project, project.desired, observed, project.providers);
  if (session.format === 'json') writeJson(session, planJson(plan));
  else if (options.commands) {
    for (const step of plan.steps) {
      const lines = providerOf(project.providers, subjectOf(step.change)).commandsFor(step.change);
      if (lines.length > 0)
        session.out.write(`# ${step.change.action} ${subjectOf(step.change).id}\n${lines.join('\n')}\n`);
    }
  } else session.out.write(renderPlan(session.out, plan));
  return plan.steps.length === 0 ? 0 : EXIT_CHANGES;
}

export function planJson(plan: Plan): object {
  return {
    project: plan.project,
    steps: plan.steps.map(({ change, impact, affects }) => {
      const subject = subjectOf(change);
      return {
        action: change.action,
        id: subject.id,
        impact,
        affects,
        ...('changed' in change ? { changed: change.changed } : {}),
        ...(subject.reason !== undefined && { reason: subject.reason }),
        ...(subject.source !== undefined && { source: subject.source }),
      };
    }),
  };
}
