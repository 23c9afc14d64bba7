/**
 * What a person writes who sets up many networks by hand: a file for `ip -batch`, one for `sysctl -p` and one for
 * `nft -f`. Each script is written before the clock starts.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gatherElements } from '../../src/clients/nft/transaction.js';
import { runProcess } from '../stage/processes.js';
import type { Scope } from '../stage/scope.js';

/** Any number: all that is taken down together. */
const GROUP = 4242;

export interface Script {
  up(): Promise<void>;
  down(): Promise<void>;
}

interface Lines {
  readonly links: readonly string[];
  readonly settings: readonly string[];
  readonly rules: readonly string[];
}

/** The whole of it: the commands that `plan --commands` prints, sorted into one file for each program. */
export function everything(commands: string): Lines {
  const lines = commands.split('\n').filter((line) => !line.startsWith('#'));
  const after = (start: string): string[] =>
    lines.flatMap((line) => (line.startsWith(start) ? [line.slice(start.length)] : []));
  const links = after('ip ');
  const devices = links.flatMap((line) => /^(?:tuntap add dev|link add name) (\S+)/.exec(line)?.[1] ?? []);
  return {
    links: [...links, ...devices.map((device) => `link set dev ${device} group ${GROUP}`)],
    settings: after('sysctl -e -w ').map((setting) => setting.replace('=', ' = ')),
    rules: gatherElements(after('nft ').map((quoted) => quoted.replace(/^'(.*)'$/, '$1'))),
  };
}

/** The least of it: bridges with addresses, taps, and one rule that masquerades. Nothing is guarded. */
export function linksAndMasquerade(networks: number, nics: number): Lines {
  const bridges = Array.from({ length: networks }, (_, index) => index);
  const taps = Array.from({ length: nics }, (_, index) => index);
  return {
    links: [
      ...bridges.flatMap((index) => [
        `link add name b${index} group ${GROUP} type bridge stp_state 0 forward_delay 0`,
        `link set dev b${index} up`,
        `address add 10.100.${index}.1/24 dev b${index}`,
      ]),
      ...taps.flatMap((index) => [
        `tuntap add dev t${index} mode tap`,
        `link set dev t${index} group ${GROUP} master b${index % networks} up`,
      ]),
    ],
    settings: ['net.ipv4.ip_forward = 1'],
    rules: [
      'add table ip byhand',
      'add chain ip byhand sources { type nat hook postrouting priority 100 ; }',
      'add rule ip byhand sources ip saddr 10.100.0.0/16 masquerade',
    ],
  };
}

export async function writeScript(scope: Scope, directory: string, lines: Lines): Promise<Script> {
  const path = (name: keyof Lines): string => join(directory, name);
  for (const name of ['links', 'settings', 'rules'] as const) {
    await writeFile(path(name), lines[name].map((line) => `${line}\n`).join(''));
  }
  const shell = async (...commands: readonly string[]): Promise<void> => {
    await runProcess(scope, ['sh', '-euc', commands.join('\n')], { timeoutMs: 60_000 });
  };
  return {
    up: () =>
      shell(`ip -batch ${path('links')}`, `sysctl -qp ${path('settings')}`, `nft -f ${path('rules')}`),
    down: () => shell('nft flush ruleset', `ip link delete group ${GROUP}`),
  };
}
