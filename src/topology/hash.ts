import { hash } from 'node:crypto';

/** The first `bits` of the SHA-256 of a text: what is derived from names must be the same on every run and host. */
export function hashBits(text: string, bits: number): bigint {
  const digest = hash('sha256', text, 'hex').slice(0, Math.ceil(bits / 4));
  return BigInt(`0x${digest}`) >> BigInt((4 - (bits % 4)) % 4);
}
