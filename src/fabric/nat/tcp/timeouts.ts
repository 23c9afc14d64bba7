/** What a connection does when one of its deadlines has passed. */
import { sequenceAdd } from '../../../wire/tcp.js';
import type { ControlBlock, TcpContext } from './control-block.js';
import { GIVE_UP_MS } from './limits.js';
import type { Liveness } from './liveness.js';
import { writeSegment, writeSyn } from './segment-writer.js';
import { sendProbe } from './transmit.js';

export function nextDeadlineMs(tcb: ControlBlock, liveness: Liveness): number {
  return Math.min(
    tcb.retransmission.deadlineMs,
    tcb.probe.deadlineMs,
    tcb.acknowledgeAtMs,
    tcb.sendAgainAtMs,
    liveness.deadlineMs,
  );
}

/**
 * Serves every deadline that has passed.
 * @returns `go-on`: send what there is to send; `abort`: reset both sides; `abandon`: end it without a word to
 * the guest.
 */
export function runTimeouts(
  tcb: ControlBlock,
  context: TcpContext,
  liveness: Liveness,
  nowMs: number,
): 'go-on' | 'abort' | 'abandon' {
  if (nowMs >= liveness.deadlineMs) {
    const due = liveness.due(tcb, nowMs);
    // A guest whose handshake never ended is told nothing: its own SYN goes unanswered too.
    if (due === 'give-up') return tcb.halfOpen ? 'abandon' : 'abort';
    // An old sequence number makes the guest answer (RFC 9293 section 3.8.4).
    if (due === 'ask') writeSegment(tcb, context.link, sequenceAdd(tcb.send.next, -1), 0, 0);
  }
  if (nowMs >= tcb.retransmission.deadlineMs && !retransmit(tcb, context, nowMs)) return 'abort';
  if (nowMs >= tcb.probe.deadlineMs) {
    if (tcb.probe.probed(nowMs) >= GIVE_UP_MS) return 'abort';
    sendProbe(tcb, context, nowMs);
  }
  if (nowMs >= tcb.acknowledgeAtMs) tcb.acknowledge = 'now';
  if (nowMs >= tcb.sendAgainAtMs) tcb.moreExpected = false;
  return 'go-on';
}

/** RFC 6298 sections 5.4 to 5.6. @returns false when the guest has not answered for too long. */
function retransmit(tcb: ControlBlock, context: TcpContext, nowMs: number): boolean {
  const unansweredMs = tcb.retransmission.expired(nowMs);
  if (tcb.halfOpen) {
    writeSyn(tcb, context);
    return true;
  }
  if (unansweredMs >= GIVE_UP_MS) return false;
  tcb.congestion.timedOut(tcb.send.highest, tcb.send.flightBytes);
  tcb.scoreboard.clear();
  tcb.send.next = tcb.send.unacknowledged;
  tcb.resend = true;
  return true;
}
