/**
 * Recovery from loss with a guest that acknowledges selectively (RFC 6675): what was lost goes out again first, then
 * new data, as long as less is in the network than the congestion window.
 *
 * Left out: NextSeg's rules 3 and 4, which send again what may not be lost; the retransmission timer serves the tail.
 */
import {
  readTcpOptions,
  type SackBlock,
  sequenceDistance,
  TCP_HEADER_BYTES,
  type TcpHeader,
} from '../../../wire/tcp.js';
import type { ControlBlock } from './control-block.js';

/** Takes the blocks of a segment whose acknowledgement was taken. The TCP header stands at `segment`. */
export function takeSelectiveAcknowledgement(
  tcb: ControlBlock,
  header: TcpHeader,
  bytes: Buffer,
  segment: number,
): void {
  if (header.headerBytes === TCP_HEADER_BYTES) return;
  const { sackBlocks } = readTcpOptions(bytes, segment, header.headerBytes);
  if (sackBlocks === undefined) return;
  const { send, scoreboard, congestion, mssBytes } = tcb;
  scoreboard.take(sackBlocks, send.unacknowledged, send.highest);
  if (congestion.recovering) {
    if (scoreboard.resendWasLost(mssBytes)) tcb.resend = true;
  } else if (
    scoreboard.lostEdge(mssBytes) !== undefined &&
    congestion.lossNoticed(send.highest, send.flightBytes)
  ) {
    // Sooner than by three duplicates where a guest acknowledges several segments at once.
    tcb.resend = true;
  }
}

/** What to send again now. */
export function nextLost(tcb: ControlBlock): SackBlock | undefined {
  const { send, scoreboard, congestion, mssBytes } = tcb;
  const pipeBytes = scoreboard.pipeBytes(send.unacknowledged, send.highest, mssBytes);
  if (congestion.windowBytes - pipeBytes < mssBytes) return undefined;
  return scoreboard.nextLost(send.unacknowledged, mssBytes);
}

/** How far behind SND.UNA the congestion window reaches. */
export function mayBeSentBytes({
  send,
  scoreboard,
  congestion,
  sackPermitted,
  mssBytes,
}: ControlBlock): number {
  if (!congestion.recovering || !sackPermitted) return congestion.windowBytes;
  const pipeBytes = scoreboard.pipeBytes(send.unacknowledged, send.highest, mssBytes);
  return sequenceDistance(send.next, send.unacknowledged) + Math.max(congestion.windowBytes - pipeBytes, 0);
}
