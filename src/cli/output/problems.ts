import type { Problem } from '../../errors.js';
import { formatLocation } from '../../spec/source-location.js';
import { paint, type Screen } from './style.js';

/**
 * `shop.yaml:12:7: error: unknown key "nic"  [spec/unknown-key]`, and below it what to do; the form that editors and
 * terminals link.
 */
export function renderProblems(screen: Screen, problems: readonly Problem[]): string {
  return problems
    .map((problem) => {
      const place = problem.at === undefined ? '' : `${paint(screen, 'bold', formatLocation(problem.at))}: `;
      const code = paint(screen, 'dim', `[${problem.code}]`);
      const fix = problem.fix === undefined ? '' : `    ${paint(screen, 'cyan', '->')} ${problem.fix}\n`;
      return `${place}${paint(screen, 'red', 'error')}: ${problem.message}  ${code}\n${fix}`;
    })
    .join('');
}
