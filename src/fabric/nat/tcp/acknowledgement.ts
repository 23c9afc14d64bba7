/**
 * The ACK of an arriving segment: what it frees, what it says of loss, and the guest's window (RFC 9293 section
 * 3.10.7.4, fifth check).
 */
import { sequenceBefore, sequenceDistance, type TcpHeader } from '../../../wire/tcp.js';
import type { ControlBlock } from './control-block.js';

/**
 * @param segmentBytes sequence numbers that the segment takes.
 * @returns false when the number is out of range, so that the segment is dropped and answered (RFC 5961 section 5.2).
 */
export function takeAcknowledgement(
  tcb: ControlBlock,
  header: TcpHeader,
  segmentBytes: number,
  nowMs: number,
): boolean {
  const { send } = tcb;
  const { acknowledgement } = header;
  const advance = sequenceDistance(acknowledgement, send.unacknowledged);
  const ahead = sequenceDistance(acknowledgement, send.highest) > 0;
  if (ahead || advance < -send.largestWindowBytes) {
    tcb.challenge(nowMs);
    return false;
  }
  const windowBytes = header.window << send.windowShift;
  tcb.probe.answered();
  if (advance > 0) takeProgress(tcb, acknowledgement, advance, nowMs);
  else if (
    tcb.retransmission.armed &&
    advance === 0 &&
    segmentBytes === 0 &&
    windowBytes === send.windowBytes
  ) {
    // A duplicate, by the five conditions of RFC 5681 section 2; the answer to a probe is none.
    if (tcb.congestion.duplicate(send.highest, send.flightBytes)) tcb.resend = true;
  }
  if (advance >= 0) takeWindow(tcb, header, windowBytes);
  return true;
}

function takeProgress(tcb: ControlBlock, acknowledgement: number, advance: number, nowMs: number): void {
  const { send, ring } = tcb;
  send.unacknowledged = acknowledgement;
  // The right edge stays where it is unless this segment is found to move it.
  send.windowBytes = Math.max(send.windowBytes - advance, 0);
  if (sequenceDistance(acknowledgement, send.next) > 0) send.next = acknowledgement;
  // The FIN takes a sequence number but no place in the ring.
  ring.release(sequenceDistance(acknowledgement, ring.end) > 0 ? ring.end : acknowledgement);
  const flightBytes = send.flightBytes;
  tcb.scoreboard.advance(acknowledgement, send.highest);
  const isHole = tcb.congestion.acknowledged(acknowledgement, advance, flightBytes);
  if (isHole && !tcb.scoreboard.firstWasResent) tcb.resend = true;
  tcb.retransmission.acknowledged(acknowledgement, flightBytes === 0, nowMs);
}

/** Old segments do not set the window (RFC 9293 section 3.10.7.4: SND.WL1 and SND.WL2). */
function takeWindow(tcb: ControlBlock, header: TcpHeader, windowBytes: number): void {
  const { send } = tcb;
  const { sequence, acknowledgement } = header;
  const newer =
    sequenceBefore(send.windowSequence, sequence) ||
    (send.windowSequence === sequence && !sequenceBefore(acknowledgement, send.windowAcknowledgement));
  if (!newer) return;
  send.windowBytes = windowBytes;
  if (windowBytes > send.largestWindowBytes) send.largestWindowBytes = windowBytes;
  send.windowSequence = sequence;
  send.windowAcknowledgement = acknowledgement;
}
