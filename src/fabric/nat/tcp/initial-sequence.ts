/**
 * Initial sequence numbers that cannot be guessed from outside the connection (RFC 6528): ISN = M +
 * F(connection, secret).
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { ConnectionEnds } from './control-block.js';

/** M counts 4-microsecond ticks (RFC 9293 section 3.4.1). */
const TICKS_PER_MS = 250;

export type InitialSequence = (ends: ConnectionEnds) => number;

export function initialSequences(clock: Clock): InitialSequence {
  const secret = randomBytes(16);
  return ({ path, guestPort, remotePort }) => {
    const hash = createHash('sha256')
      .update(secret)
      .update(`${path.guestAddress} ${guestPort} ${path.remoteAddress} ${remotePort}`)
      .digest();
    return (Math.floor(clock.nowMs() * TICKS_PER_MS) + hash.readUInt32BE(0)) >>> 0;
  };
}
