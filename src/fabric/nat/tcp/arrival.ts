/**
 * SEGMENT ARRIVES (RFC 9293 section 3.10.7), for segments of a connection that is known and not `dialing`.
 *
 * The checks come in the order of the RFC, with the tightenings of RFC 5961: a reset counts only at exactly
 * RCV.NXT, a SYN in an open connection and an acknowledgement out of range are answered by a challenge. The
 * urgent pointer is ignored: urgent data is delivered in line (RFC 6093).
 */
import { readTcpOptions, sequenceAdd, sequenceDistance, TcpFlag, type TcpHeader } from '../../../wire/tcp.js';
import { takeAcknowledgement } from './acknowledgement.js';
import type { ControlBlock, TcpContext } from './control-block.js';
import { takeSelectiveAcknowledgement } from './loss-recovery.js';
import { takePayload } from './payload.js';
import { writeResetReply, writeSyn } from './segment-writer.js';

/** What the connection must do. `established` and `taken`: send what there is to send. */
export type Arrival = 'dropped' | 'taken' | 'established' | 'reset' | 'refused';

/**
 * @param segment where the TCP header stands.
 * @param end behind the payload.
 */
export function segmentArrives(
  tcb: ControlBlock,
  context: TcpContext,
  header: TcpHeader,
  bytes: Buffer,
  segment: number,
  end: number,
  nowMs: number,
): Arrival {
  if (tcb.phase === 'syn-sent') return arrivesInSynSent(tcb, context, header, bytes, segment, end, nowMs);
  const { flags, sequence } = header;
  const payload = segment + header.headerBytes;
  const segmentBytes = sequenceBytes(flags, end - payload);

  if (!tcb.receive.accepts(sequence, segmentBytes)) {
    return arrivesOutsideWindow(tcb, context, header, bytes, segment, segmentBytes, nowMs);
  }
  if ((flags & TcpFlag.rst) !== 0) {
    if (tcb.phase === 'time-wait') return 'dropped'; // RFC 1337
    if (sequence === tcb.receive.next) return tcb.phase === 'syn-received' ? 'refused' : 'reset';
    tcb.challenge(nowMs);
    return 'taken';
  }
  if ((flags & TcpFlag.syn) !== 0) {
    tcb.challenge(nowMs);
    return 'taken';
  }
  if ((flags & TcpFlag.ack) === 0) return 'dropped';
  const wasOpening = tcb.phase === 'syn-received';
  if (wasOpening && !completesHandshake(tcb, header)) {
    writeResetReply(context.link, tcb, header, segmentBytes);
    return 'dropped';
  }
  if (wasOpening) tcb.phase = 'open';
  if (!takeAcknowledgement(tcb, header, segmentBytes, nowMs)) return 'taken';
  if (tcb.sackPermitted) takeSelectiveAcknowledgement(tcb, header, bytes, segment);
  if (segmentBytes > 0) takePayload(tcb, context, header, bytes, payload, end, nowMs);
  return wasOpening ? 'established' : 'taken';
}

/** Sequence numbers that a segment takes. */
export function sequenceBytes(flags: number, payloadBytes: number): number {
  return payloadBytes + ((flags & TcpFlag.syn) === 0 ? 0 : 1) + ((flags & TcpFlag.fin) === 0 ? 0 : 1);
}

/** The first check failed: an acknowledgement answers anything but a reset. */
function arrivesOutsideWindow(
  tcb: ControlBlock,
  context: TcpContext,
  header: TcpHeader,
  bytes: Buffer,
  segment: number,
  segmentBytes: number,
  nowMs: number,
): Arrival {
  const { flags, sequence } = header;
  if ((flags & TcpFlag.rst) !== 0) return 'dropped';
  const isSyn = (flags & (TcpFlag.syn | TcpFlag.ack)) === TcpFlag.syn;
  if (isSyn && tcb.phase === 'syn-received' && sequenceAdd(sequence, 1) === tcb.receive.next) {
    writeSyn(tcb, context);
    return 'dropped';
  }
  // A closed window still lets acknowledgements and window updates through.
  const atEdge = sequence === tcb.receive.next && tcb.receive.openBytes === 0;
  if (atEdge && tcb.phase === 'open' && (flags & TcpFlag.ack) !== 0) {
    takeAcknowledgement(tcb, header, segmentBytes, nowMs);
    if (tcb.sackPermitted) takeSelectiveAcknowledgement(tcb, header, bytes, segment);
  }
  // A retransmission of the guest must be answered each time; what carries nothing could go on for ever (RFC
  // 5961 section 7).
  if (segmentBytes > 0) tcb.acknowledge = 'now';
  else tcb.challenge(nowMs);
  return 'taken';
}

function completesHandshake(tcb: ControlBlock, header: TcpHeader): boolean {
  const { send } = tcb;
  return (
    sequenceDistance(header.acknowledgement, send.unacknowledged) > 0 &&
    sequenceDistance(header.acknowledgement, send.next) <= 0
  );
}

/** Section 3.10.7.3: our SYN went to a machine behind a forward. */
function arrivesInSynSent(
  tcb: ControlBlock,
  context: TcpContext,
  header: TcpHeader,
  bytes: Buffer,
  segment: number,
  end: number,
  nowMs: number,
): Arrival {
  const { flags } = header;
  const hasAck = (flags & TcpFlag.ack) !== 0;
  if (hasAck && !completesHandshake(tcb, header)) {
    const segmentBytes = sequenceBytes(flags, end - segment - header.headerBytes);
    if ((flags & TcpFlag.rst) === 0) writeResetReply(context.link, tcb, header, segmentBytes);
    return 'dropped';
  }
  if ((flags & TcpFlag.rst) !== 0) return hasAck ? 'refused' : 'dropped';
  if ((flags & TcpFlag.syn) === 0) return 'dropped';
  const options = readTcpOptions(bytes, segment, header.headerBytes);
  tcb.synReceived(
    header.sequence,
    options.mssBytes,
    options.windowScale,
    options.sackPermitted === true,
    context,
  );
  if (!hasAck) {
    // Simultaneous open (section 3.5, figure 7).
    tcb.phase = 'syn-received';
    tcb.retransmission.resent(nowMs);
    writeSyn(tcb, context);
    return 'dropped';
  }
  tcb.phase = 'open';
  // The window of a SYN is not scaled (RFC 7323 section 2.2).
  const shift = tcb.send.windowShift;
  tcb.send.windowShift = 0;
  takeAcknowledgement(tcb, header, 1, nowMs);
  tcb.send.windowShift = shift;
  tcb.acknowledge = 'now';
  return 'established';
}
