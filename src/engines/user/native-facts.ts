import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { NativeFacts } from './check.js';

/** Bit of CapEff (linux/capability.h). */
const CAP_NET_ADMIN = 12n;

export async function readNativeFacts(): Promise<NativeFacts> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return {
    hasKoffi: hasKoffi(),
    mayMakeDevices: ((BigInt(`0x${capabilities}`) >> CAP_NET_ADMIN) & 1n) === 1n,
  };
}

export function hasKoffi(): boolean {
  try {
    createRequire(import.meta.url).resolve('koffi');
    return true;
  } catch {
    return false;
  }
}
