import { basename } from 'node:path';
import type { MachineDescription } from './description.js';
import { escapeOptionValue, parseOptionString } from './option-string.js';

/** Whether the program is a QEMU, which is then given a QMP socket, asked to power off, and hot-plugged. */
export function isQemu(command: readonly string[]): boolean {
  return /^(qemu-system-|qemu-kvm$|kvm$)/.test(basename(command[0] ?? ''));
}

/** The argument by which a machine's process is known, whoever started it. */
export function qmpArgument(qmpSocketPath: string): string {
  return `unix:${escapeOptionValue(qmpSocketPath)},server=on,wait=off`;
}

/** The whole argument list of a machine: its command, its NICs, and for a QEMU its QMP socket. Pure. */
export function commandLine(description: MachineDescription, qmpSocketPath: string): string[] {
  const { command } = description;
  const nics = description.nics.flatMap((nic) => nic.arguments);
  if (!isQemu(command)) return [...command, ...nics];
  return [
    ...command,
    ...(nics.length > 0 ? nics : withoutDefaultNic(command)),
    '-qmp',
    qmpArgument(qmpSocketPath),
  ];
}

/** A QEMU that is told of no NIC makes one on its own user network: a way out that nobody declared. */
function withoutDefaultNic(command: readonly string[]): string[] {
  const speaksOfNetwork = command.some((word) => /^--?(nic|net|netdev|nodefaults)$/.test(word));
  return speaksOfNetwork ? [] : ['-nic', 'none'];
}

/**
 * Whether NICs of this machine can come and go while it runs: x86 with the `pc` board, whose PCI bus takes devices
 * through ACPI. (`q35` wants a root port kept free for each; `microvm` takes none.)
 */
export function takesHotPlug(command: readonly string[]): boolean {
  if (!isQemu(command) || !/(x86_64|i386|kvm)$/.test(basename(command[0] ?? ''))) return false;
  const boards = command.flatMap((word, index) =>
    /^--?(M|machine)$/.test(command[index - 1] ?? '') ? [boardOf(word)] : [],
  );
  return boards.every((board) => /^pc(-i440fx.*)?$/.test(board));
}

/** `-M usb=off` keeps the default board, `-M type=q35,…` names it by key. */
function boardOf(machineOption: string): string {
  const { first, pairs } = parseOptionString(machineOption);
  const named = pairs.find(([key]) => key === 'type')?.[1];
  if (!first.includes('=')) return first;
  return named ?? (first.startsWith('type=') ? first.slice('type='.length) : 'pc');
}

/** The words as a person would type them into a shell. */
export function quoteForShell(words: readonly string[]): string {
  return words
    .map((word) => (/^[A-Za-z0-9_./:,=+@%-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ');
}
