import { paint, type Screen } from './style.js';

/** Says what is being done: one line rewritten on a terminal, a line an event elsewhere. */
export interface Progress {
  begin(text: string): void;
  /** What was begun is done. */
  done(text?: string): void;
  failed(text?: string): void;
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 80;

export function createProgress(screen: Screen): Progress {
  let current = '';
  let beganAtMs = 0;
  let timer: NodeJS.Timeout | undefined;
  const end = (sign: string, text: string): void => {
    clearInterval(timer);
    const seconds = ((Date.now() - beganAtMs) / 1000).toFixed(1);
    const erase = screen.interactive ? '\r\x1b[2K' : '';
    screen.write(`${erase}${sign} ${text} ${paint(screen, 'dim', `${seconds} s`)}\n`);
    current = '';
  };
  return {
    begin(text) {
      current = text;
      beganAtMs = Date.now();
      if (!screen.interactive) return;
      let frame = 0;
      const draw = (): void => {
        screen.write(`\r\x1b[2K${paint(screen, 'cyan', FRAMES[frame++ % FRAMES.length]!)} ${current}`);
      };
      draw();
      timer = setInterval(draw, FRAME_MS).unref();
    },
    done: (text) => end(paint(screen, 'green', '✓'), text ?? current),
    failed: (text) => end(paint(screen, 'red', '✗'), text ?? current),
  };
}
