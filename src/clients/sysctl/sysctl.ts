/** Kernel settings by name, `net.ipv4.conf.br0.forwarding`; a dot in an interface name is written as a slash. */
import { readFileSync, writeFileSync } from 'node:fs';
import { PasserelleError } from '../../errors.js';
import type { Run } from '../command/run.js';

export type Settings = ReadonlyMap<string, string>;

/** The setting of one interface: `net.FAMILY.conf.INTERFACE.KEY`, escaped as sysctl(8) wants it. */
export function interfaceSetting(family: 'ipv4' | 'ipv6', device: string, key: string): string {
  return `net.${family}.conf.${device.replaceAll('.', '/')}.${key}`;
}

/** Settings that exist; a name the kernel does not know is not in the answer. */
export async function readSettings(
  run: Run,
  names: readonly string[],
  signal: AbortSignal,
): Promise<Settings> {
  if (names.length === 0) return new Map();
  if (run.isHere === true) return readHere(names);
  const { stdout } = await run(['sysctl', '-e', ...names], { signal });
  return parseSettings(stdout);
}

export function parseSettings(text: string): Settings {
  return new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const match = /^(\S+) = (.*)$/.exec(line);
      return match?.[1] === undefined ? [] : [[match[1], match[2] ?? '']];
    }),
  );
}

/** The same without a program, of which a plan would start a dozen. The kernel answers at once: nothing is waited for. */
function readHere(names: readonly string[]): Settings {
  return new Map(
    names.flatMap((name): [string, string][] => {
      try {
        return [[name, readFileSync(settingPath(name), 'utf8').trimEnd()]];
      } catch {
        return [];
      }
    }),
  );
}

/** Dots and slashes change places (sysctl.d(5)). */
export function settingPath(name: string): string {
  const path = name.replaceAll(/[./]/g, (separator) => (separator === '.' ? '/' : '.'));
  return `/proc/sys/${path}`;
}

/** @throws PasserelleError `sysctl/refused` with what the kernel refused. */
export async function writeSettings(run: Run, settings: Settings, signal: AbortSignal): Promise<void> {
  if (settings.size === 0) return;
  if (run.isHere === true) return writeHere(settings);
  const input = [...settings].map(([name, value]) => `${name} = ${value}\n`).join('');
  const { exitCode, stderr } = await run(['sysctl', '-q', '-p', '-'], { signal, input });
  if (exitCode !== 0) throw refused(stderr.trim());
}

function writeHere(settings: Settings): void {
  for (const [name, value] of settings) {
    try {
      writeFileSync(settingPath(name), value);
    } catch (cause) {
      throw refused(`${name} = ${value}: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  }
}

function refused(reason: string): PasserelleError {
  return new PasserelleError({
    code: 'sysctl/refused',
    message: `the kernel refused a setting: ${reason}`,
    fix: 'run it as root, where /proc/sys can be written',
  });
}
