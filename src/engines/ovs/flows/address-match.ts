/** Addresses as matches on the registers that OWNERS looks at: `reg0` for IPv4, `reg0` to `reg3` for IPv6. Pure. */
import { parseIpv4, parseIpv6 } from '../../../wire/address.js';

export function in4(address: string): string[] {
  return wordMatches([ipv4Word(address)], 32);
}

export function blockIn4(address: string, prefixLength: number): string[] {
  return wordMatches([ipv4Word(address)], prefixLength);
}

export function in6(address: string): string[] {
  return wordMatches(ipv6Words(address), 128);
}

export function blockIn6(address: string, prefixLength: number): string[] {
  return wordMatches(ipv6Words(address), prefixLength);
}

/** One match for each register that the prefix reaches, as ovs-ofctl prints it. */
function wordMatches(words: readonly number[], prefixLength: number): string[] {
  return words.flatMap((word, index) => {
    const bits = Math.max(0, Math.min(32, prefixLength - 32 * index));
    if (bits === 0) return [];
    const mask = bits === 32 ? 0xffff_ffff : ~(0xffff_ffff >>> bits) >>> 0;
    const value = hex((word & mask) >>> 0);
    return [bits === 32 ? `reg${index}=${value}` : `reg${index}=${value}/${hex(mask)}`];
  });
}

function hex(word: number): string {
  return word === 0 ? '0' : `0x${word.toString(16)}`;
}

function ipv4Word(address: string): number {
  const word = parseIpv4(address);
  if (word === undefined) throw new Error(`no IPv4 address: ${address}`);
  return word;
}

function ipv6Words(address: string): number[] {
  const bytes = parseIpv6(address);
  if (bytes === undefined) throw new Error(`no IPv6 address: ${address}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  return [0, 4, 8, 12].map((offset) => view.getUint32(offset));
}
