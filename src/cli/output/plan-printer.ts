import { impactByMachine, type Plan, type Step } from '../../plan/plan.js';
import { type Change, type Impact, type Json, subjectOf } from '../../plan/resource.js';
import { formatLocation } from '../../spec/source-location.js';
import { paint, type Paint, type Screen, visibleLength } from './style.js';

const SIGNS: Record<Change['action'], { sign: string; style: Paint }> = {
  create: { sign: '+', style: 'green' },
  update: { sign: '~', style: 'yellow' },
  replace: { sign: '±', style: 'yellow' },
  delete: { sign: '-', style: 'red' },
};

const IMPACT_WORDS: Record<Impact, string> = {
  none: 'nothing felt',
  live: 'live, connections stay open',
  'brief-loss': 'a moment without network',
  're-plug': 'its NIC is plugged anew',
  restart: 'it restarts',
  stop: 'it is stopped',
};

/** The plan as a person reads it: each step with its sign, reason and line, then counts and what each machine feels. */
export function renderPlan(screen: Screen, plan: Plan): string {
  if (plan.steps.length === 0) {
    return `${paint(screen, 'green', '✓')} ${paint(screen, 'bold', plan.project)} is as its file says: nothing to do\n`;
  }
  const width = Math.max(...plan.steps.map((step) => visibleLength(subjectOf(step.change).id)));
  const steps = plan.steps.map((step) => renderStep(screen, step, width)).join('');
  return `${steps}\n${renderCounts(screen, plan)}${renderImpacts(screen, plan)}`;
}

function renderStep(screen: Screen, step: Step, width: number): string {
  const { change } = step;
  const subject = subjectOf(change);
  const { sign, style } = SIGNS[change.action];
  const id = subject.id.padEnd(width);
  const at = subject.source === undefined ? '' : paint(screen, 'dim', `  ${formatLocation(subject.source)}`);
  const reason = change.action === 'delete' ? 'no longer in the file' : (subject.reason ?? '');
  const head = `${paint(screen, style, `${sign} ${id}`)}  ${reason}${at}\n`;
  if (change.action !== 'update' && change.action !== 'replace') return head;
  return head + change.changed.map((name) => renderChangedProperty(screen, change, name)).join('');
}

function renderChangedProperty(
  screen: Screen,
  change: Extract<Change, { action: 'update' | 'replace' }>,
  name: string,
): string {
  const before = shortJson(change.before.properties[name]);
  const after = shortJson(change.after.properties[name]);
  return `    ${paint(screen, 'dim', name)} ${before} ${paint(screen, 'dim', '->')} ${after}\n`;
}

const MAX_VALUE_LENGTH = 60;

function shortJson(value: Json | undefined): string {
  if (value === undefined) return '(none)';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH - 1)}…` : text;
}

function renderCounts(screen: Screen, plan: Plan): string {
  const words: Record<Change['action'], string> = {
    create: 'to make',
    update: 'to change',
    replace: 'to replace',
    delete: 'to remove',
  };
  const parts = (Object.keys(SIGNS) as Change['action'][]).flatMap((action) => {
    const count = plan.steps.filter((step) => step.change.action === action).length;
    return count === 0 ? [] : [paint(screen, SIGNS[action].style, `${count} ${words[action]}`)];
  });
  return `${paint(screen, 'bold', 'Plan')}: ${parts.join(', ')}\n`;
}

function renderImpacts(screen: Screen, plan: Plan): string {
  const impacts = [...impactByMachine(plan)];
  if (impacts.length === 0) return `${paint(screen, 'dim', 'No running machine feels anything.')}\n`;
  return impacts
    .map(([machine, impact]) => {
      const style: Paint = impact === 'live' ? 'green' : 'yellow';
      return `  ${machine}: ${paint(screen, style, IMPACT_WORDS[impact])}\n`;
    })
    .join('');
}
