import { hashBits } from './hash.js';

/** IFNAMSIZ of the kernel without the closing zero, characters. */
const MAX_CHARS = 15;
/** 30 bits in base 32: two of a thousand names on a host meet by a chance of 1 in 2000, and then the next is taken. */
const HASH_CHARS = 6;
const DIGITS = 'abcdefghijkmnpqrstuvwxyz23456789';

/**
 * Kernel names of devices: `pn-` for the segment of a network, `pt-` for the tap of a NIC, the beginning of the name,
 * and a hash of all that makes it unique on a host with many projects, for example `pn-web-k3x9a2`.
 */
export class InterfaceNames {
  private readonly taken = new Set<string>();

  constructor(private readonly project: string) {}

  forNetwork(name: string): string {
    return this.claim('pn', name, `${this.project}//${name}`);
  }

  forNic(machine: string, id: string): string {
    return this.claim('pt', machine, `${this.project}/${id}`);
  }

  private claim(prefix: string, readable: string, seed: string): string {
    const room = MAX_CHARS - prefix.length - HASH_CHARS - 2;
    const start = readable.slice(0, room).replace(/-+$/, '');
    for (let attempt = 0; ; attempt++) {
      const name = `${prefix}-${start}-${shortHash(`${seed}#${attempt}`)}`;
      if (!this.taken.has(name)) {
        this.taken.add(name);
        return name;
      }
    }
  }
}

function shortHash(text: string): string {
  let bits = hashBits(text, 5 * HASH_CHARS);
  let hash = '';
  for (let count = 0; count < HASH_CHARS; count++, bits >>= 5n) hash += DIGITS.charAt(Number(bits & 31n));
  return hash;
}
