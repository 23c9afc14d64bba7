import { stripVTControlCharacters, styleText } from 'node:util';

export type Paint = Parameters<typeof styleText>[0];

/** Where text goes and how it may look there. */
export interface Screen {
  readonly write: (text: string) => void;
  /** Colours: a terminal, and NO_COLOR is not set (no-color.org). */
  readonly colours: boolean;
  /** Lines may be overwritten. */
  readonly interactive: boolean;
  readonly columns: number;
}

export function screenOf(stream: NodeJS.WriteStream, environment: NodeJS.ProcessEnv): Screen {
  const interactive = stream.isTTY && environment['TERM'] !== 'dumb';
  const forced = (environment['FORCE_COLOR'] ?? '0') !== '0';
  return {
    write: (text) => void stream.write(text),
    colours: (interactive || forced) && (environment['NO_COLOR'] ?? '') === '',
    interactive,
    columns: stream.columns ?? 100,
  };
}

export function paint(screen: Screen, style: Paint, text: string): string {
  return screen.colours ? styleText(style, text, { validateStream: false }) : text;
}

/** Columns a text takes on the screen, colours not counted. */
export function visibleLength(text: string): number {
  return stripVTControlCharacters(text).length;
}
