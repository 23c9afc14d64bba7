/** The text and FIN of an arriving segment (RFC 9293 section 3.10.7.4, seventh and eighth check). */
import { sequenceAdd, sequenceDistance, TcpFlag, type TcpHeader } from '../../../wire/tcp.js';
import type { ControlBlock, TcpContext } from './control-block.js';
import { writeAcknowledgement } from './segment-writer.js';

/** Takes bytes [start, end) and the FIN of a segment that the window accepts, at least in part. */
export function takePayload(
  tcb: ControlBlock,
  context: TcpContext,
  header: TcpHeader,
  bytes: Buffer,
  start: number,
  end: number,
  nowMs: number,
): void {
  if (tcb.guestEnded) return;
  const { receive } = tcb;
  const payloadBytes = end - start;
  if ((header.flags & TcpFlag.fin) !== 0) tcb.finSequence = sequenceAdd(header.sequence, payloadBytes);
  if (payloadBytes > tcb.segmentBytes) tcb.segmentBytes = payloadBytes;

  const before = sequenceDistance(receive.next, header.sequence);
  const first = start + Math.max(before, 0);
  const beyond =
    sequenceDistance(sequenceAdd(header.sequence, payloadBytes), receive.next) - receive.openBytes;
  const last = end - Math.max(beyond, 0);
  if (before < 0) {
    if (first < last) tcb.reassembly.insert(header.sequence, bytes, first, last);
    // At once and for each segment: the guest counts duplicates (RFC 5681 section 4.2).
    writeAcknowledgement(tcb, context.link);
    return;
  }
  if (first < last) {
    tcb.toHost.append(bytes, first, last);
    receive.next = sequenceAdd(receive.next, last - first);
  }
  if (!tcb.reassembly.isEmpty) {
    takeReassembled(tcb);
    tcb.acknowledge = 'now';
  }
  if (tcb.finSequence === receive.next) takeFin(tcb);
  if (before > 0 || beyond > 0) tcb.acknowledge = 'now';
  else if (sequenceDistance(receive.next, tcb.acknowledged) >= 2 * tcb.segmentBytes) tcb.acknowledge = 'now';
  else if (receive.next !== tcb.acknowledged) tcb.acknowledgeLater(nowMs);
}

function takeReassembled(tcb: ControlBlock): void {
  const { receive, reassembly } = tcb;
  for (let data = reassembly.take(receive.next); data !== undefined; data = reassembly.take(receive.next)) {
    tcb.toHost.append(data, 0, data.length);
    receive.next = sequenceAdd(receive.next, data.length);
  }
}

function takeFin(tcb: ControlBlock): void {
  tcb.receive.next = sequenceAdd(tcb.receive.next, 1);
  tcb.guestEnded = true;
  tcb.guestEndedFirst = !finSent(tcb);
  tcb.toHost.finish();
  tcb.acknowledge = 'now';
}

function finSent(tcb: ControlBlock): boolean {
  return sequenceDistance(tcb.send.highest, tcb.ring.end) > 0;
}
