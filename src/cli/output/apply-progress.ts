import type { ApplyEvents } from '../../plan/apply.js';
import { createProgress } from './progress.js';
import type { Screen } from './style.js';

/** Tells of an apply as it goes: one line a batch, one for the check, one for the way back. */
export function applyProgress(screen: Screen): ApplyEvents & { close(): void } {
  const progress = createProgress(screen);
  let open = false;
  const begin = (text: string): void => {
    if (open) progress.done();
    progress.begin(text);
    open = true;
  };
  return {
    onBatch: (provider, steps) =>
      begin(`${provider}: ${steps.length} ${steps.length === 1 ? 'change' : 'changes'}`),
    onVerify: () => begin('verified by looking again'),
    onRevert: (reason) => {
      if (open) progress.failed(reason);
      progress.begin('put back as it was');
      open = true;
    },
    close: () => {
      if (open) progress.done();
      open = false;
    },
  };
}
