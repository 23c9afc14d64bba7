/**
 * What every host of a project derives from the file alone, so that hosts agree on a network without talking: its
 * identifier on the wire. Whatever engine carries the network uses this one, and so engines meet.
 */
import { hashBits } from './hash.js';
import { byText } from './order.js';

/** The identifier of VXLAN (VNI, RFC 7348) and Geneve (RFC 8926) has 24 bits; 0 is nobody's. */
const MAX_IDENTIFIER = 0xff_ffff;

/**
 * An identifier for each network, by hash of project and network. Where two hashes meet, the name that sorts later takes
 * the next free one.
 */
export function networkIdentifiers(
  project: string,
  networks: readonly string[],
): ReadonlyMap<string, number> {
  const taken = new Set<number>();
  const identifiers = new Map<string, number>();
  for (const network of [...networks].sort(byText)) {
    let identifier = Number(hashBits(`${project}/${network}`, 32) % BigInt(MAX_IDENTIFIER)) + 1;
    while (taken.has(identifier)) identifier = (identifier % MAX_IDENTIFIER) + 1;
    taken.add(identifier);
    identifiers.set(network, identifier);
  }
  return identifiers;
}
