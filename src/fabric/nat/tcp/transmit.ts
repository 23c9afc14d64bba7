/**
 * What goes to the guest now: lost data again, new data as far as the windows allow, the FIN behind it, or a
 * bare acknowledgement. Called once per batch and connection and after every read from the host; the segments
 * of one call stand contiguously in the link's buffer.
 */
import { sequenceAdd, sequenceDistance, TCP_HEADER_BYTES, TcpFlag } from '../../../wire/tcp.js';
import { type ControlBlock, largestSegmentBytes, type TcpContext } from './control-block.js';
import { SEND_AGAIN_MS } from './limits.js';
import { mayBeSentBytes, nextLost } from './loss-recovery.js';
import { writeAcknowledgement, writeSegment } from './segment-writer.js';

export function transmit(tcb: ControlBlock, context: TcpContext, nowMs: number): void {
  const { link } = context;
  if (tcb.phase === 'open') {
    // The network's MTU may have been lowered since.
    tcb.mssBytes = Math.min(tcb.mssBytes, largestSegmentBytes(tcb.path, link.network.mtuBytes));
    if (tcb.resend) resendFirst(tcb, context, nowMs);
    if (tcb.congestion.recovering && tcb.sackPermitted) resendLost(tcb, context, nowMs);
    sendNew(tcb, context, nowMs);
    superviseWindow(tcb, nowMs);
    if (!tcb.guestEnded && tcb.receive.updateDue(tcb.toHost.queuedBytes, tcb.segmentBytes))
      tcb.acknowledge = 'now';
  }
  if (tcb.acknowledge === 'now') writeAcknowledgement(tcb, link);
}

/** One probe of a closed window: at least one byte, or the FIN (RFC 9293 section 3.8.6.1). */
export function sendProbe(tcb: ControlBlock, context: TcpContext, nowMs: number): void {
  const { send, ring } = tcb;
  const waiting = sequenceDistance(ring.end, send.unacknowledged);
  const bytes = Math.max(Math.min(waiting, Math.max(send.windowBytes, 1), tcb.mssBytes), 0);
  sendRange(tcb, context, send.unacknowledged, bytes, tcb.hostEnded && bytes === waiting, nowMs);
}

/** The first segment that is not acknowledged, even when the window has shrunk over it (RFC 9293 MUST-35). */
function resendFirst(tcb: ControlBlock, context: TcpContext, nowMs: number): void {
  const { send } = tcb;
  tcb.resend = false;
  if (send.flightBytes <= 0) return;
  const sentData = Math.min(send.flightBytes, sequenceDistance(tcb.ring.end, send.unacknowledged));
  const bytes = Math.max(Math.min(sentData, tcb.mssBytes), 0);
  const finWasSent = sequenceDistance(send.highest, tcb.ring.end) > 0;
  const isLast = sequenceAdd(send.unacknowledged, bytes) === tcb.ring.end;
  const behind = sendRange(tcb, context, send.unacknowledged, bytes, finWasSent && isLast, nowMs);
  tcb.retransmission.resent(nowMs);
  if (tcb.congestion.recovering) tcb.scoreboard.resent(behind, true, send.highest);
  if (sequenceDistance(behind, send.next) > 0) send.next = behind;
}

function resendLost(tcb: ControlBlock, context: TcpContext, nowMs: number): void {
  const { send, scoreboard } = tcb;
  for (let hole = nextLost(tcb); hole !== undefined; hole = nextLost(tcb)) {
    if (context.link.queuedBytes(tcb.guestMac) >= context.limits.portQueueBytes) return;
    const bytes = Math.min(sequenceDistance(hole.right, hole.left), tcb.mssBytes);
    const behind = sendRange(tcb, context, hole.left, bytes, false, nowMs);
    scoreboard.resent(behind, hole.left === send.unacknowledged, send.highest);
    tcb.retransmission.resent(nowMs);
  }
}

function sendNew(tcb: ControlBlock, context: TcpContext, nowMs: number): void {
  const { send, ring, retransmission } = tcb;
  if (ring.end === send.next && !tcb.hostEnded) return;
  if (send.flightBytes === 0 && nowMs - tcb.sentAtMs > retransmission.rtoMs) tcb.congestion.idled();
  const edge = sequenceAdd(send.unacknowledged, Math.min(send.windowBytes, mayBeSentBytes(tcb)));
  let portBytes = context.limits.portQueueBytes - context.link.queuedBytes(tcb.guestMac);
  tcb.sendAgainAtMs = Number.POSITIVE_INFINITY;
  const mostBytes = mostAtOnce(tcb, context);
  for (;;) {
    const waiting = sequenceDistance(ring.end, send.next);
    const usable = sequenceDistance(edge, send.next);
    const most = Math.min(waiting, usable, mostBytes);
    // Whole segments, and the end that is none with what stands before it only if all of it may go.
    const bytes = most > tcb.mssBytes ? most - (most % tcb.mssBytes) : most;
    const finFits = tcb.hostEnded && waiting >= 0 && bytes === waiting && usable > bytes;
    if (bytes < 0 || (bytes === 0 && !finFits)) return;
    // Silly windows are left alone (RFC 9293 section 3.8.6.2.1).
    if (bytes < waiting && bytes < tcb.mssBytes && bytes < send.largestWindowBytes >>> 1) return;
    const tailWaits = tcb.moreExpected && bytes === waiting && bytes < tcb.mssBytes;
    if (portBytes <= 0 || tailWaits) {
      if (tailWaits || send.flightBytes === 0) tcb.sendAgainAtMs = nowMs + SEND_AGAIN_MS;
      return;
    }
    const isNew = sequenceDistance(sequenceAdd(send.next, bytes), send.highest) >= 0;
    send.next = sendRange(tcb, context, send.next, bytes, finFits, nowMs);
    if (isNew) retransmission.sent(send.next, nowMs);
    else retransmission.resent(nowMs);
    portBytes -= bytes;
  }
}

/** What one call may write: whole segments where the port behind the guest's MAC cuts them itself. */
function mostAtOnce(tcb: ControlBlock, { link }: TcpContext): number {
  const roomBytes = link.offloadBytes(tcb.guestMac) - tcb.path.headerBytes - TCP_HEADER_BYTES;
  return Math.max(roomBytes - (roomBytes % tcb.mssBytes), tcb.mssBytes);
}

/** Sends bytes of the ring and perhaps the FIN behind them. @returns the sequence number behind both. */
function sendRange(
  tcb: ControlBlock,
  context: TcpContext,
  sequence: number,
  bytes: number,
  fin: boolean,
  nowMs: number,
): number {
  const { send } = tcb;
  const behind = sequenceAdd(sequence, bytes);
  const push = bytes > 0 && behind === tcb.ring.end ? TcpFlag.psh : 0;
  writeSegment(tcb, context.link, sequence, bytes, push | (fin ? TcpFlag.fin : 0));
  const end = fin ? sequenceAdd(behind, 1) : behind;
  if (sequenceDistance(end, send.highest) > 0) send.highest = end;
  tcb.sentAtMs = nowMs;
  return end;
}

/** Data that waits with nothing under way to bring an acknowledgement needs the persist timer. */
function superviseWindow(tcb: ControlBlock, nowMs: number): void {
  const { send, ring } = tcb;
  const waiting = sequenceDistance(ring.end, send.next) > 0 || (tcb.hostEnded && ring.end === send.next);
  if (waiting && !tcb.retransmission.armed && tcb.sendAgainAtMs === Number.POSITIVE_INFINITY) {
    tcb.probe.arm(tcb.retransmission.rtoMs, nowMs);
  } else tcb.probe.stop();
}
