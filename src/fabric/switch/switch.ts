/**
 * The switch of one network: a learning Ethernet bridge (IEEE 802.1Q, clause 8, without VLANs of its own).
 *
 * Theory of operation. A port hands over a batch, which is one buffer of frames in stream framing. The switch walks it
 * once: it lets the ingress port's guard refuse frames, learns sources, looks up destinations, and merges neighbouring
 * frames with the same way out into one byte range. Each range is offered, in order, to one port, or to all the others
 * (broadcast, multicast, unknown unicast); then every port that was offered something is flushed once.
 *
 * Flushing re-enters: a gateway that is flushed answers through this same switch. The inner call flushes what it
 * touched, earlier ranges included, before it returns, so the outer flush of such a port finds nothing left, order is
 * kept, and each batch is free when its own `forward` returns. The ports touched by nested calls lie on one stack.
 *
 * Limits: the bounds of `MacTable`. Frames to 01:80:c2:00:00:00-0f stay on their link, as on every bridge (8.6.3).
 * Nothing is allocated for a frame.
 */
import { SoftwareOffload } from '../offload/software-offload.js';
import { ChunkPool } from '../ports/chunk-pool.js';
import type { FrameBatch, FrameSink, Port } from '../ports/port.js';
import { FRAME_HEADER_BYTES } from '../ports/port.js';
import { countDrop } from '../ports/counters.js';
import { MacTable } from './mac-table.js';
import type { SpoofGuard } from './spoof-guard.js';

export interface AttachOptions {
  /** Refuses frames of this port; without one everything enters. */
  readonly guard?: SpoofGuard;
  /** Whether the port's guard lets in MACs that are not pinned to it, which have to be learned; without a guard they are. */
  readonly learns?: boolean;
  /** The port's own MAC, a 48-bit number: it leads here from the start, and no other port can learn it. */
  readonly mac?: number;
  /** Ports of one group exchange nothing: the tunnels of an overlay, whose far ends are meshed themselves. */
  readonly splitHorizonGroup?: number;
}

class Attachment {
  learnedMacs = 0;
  guard: SpoofGuard | undefined;
  learns = true;
  /** 0: in no group. */
  group = 0;
  mac: number | undefined;
  /** The last `forward` that put it on the stack of touched ports. */
  touchedBy = 0;
  /** Ports read into few buffers in turn, so the view of the last one mostly fits. */
  view: DataView = new DataView(new ArrayBuffer(0));
  viewed: Buffer | undefined;

  constructor(readonly port: Port) {}
}

/** Where a frame goes: to one port, to all others, or nowhere. */
type Way = Attachment | 'flood' | undefined;

const TWO_POW_32 = 0x1_0000_0000;

export class Switch implements FrameSink {
  readonly #byPort = new Map<Port, Attachment>();
  #attachments: readonly Attachment[] = [];
  readonly #table = new MacTable<Attachment>();
  readonly #touched: Attachment[] = [];
  #serial = 0;
  readonly #nowSeconds: () => number;
  readonly #softwareOffload: SoftwareOffload;

  constructor(
    nowSeconds: () => number = () => Math.floor(performance.now() / 1000),
    pool: ChunkPool = new ChunkPool(),
  ) {
    this.#nowSeconds = nowSeconds;
    this.#softwareOffload = new SoftwareOffload(pool);
  }

  get learnedMacs(): number {
    return this.#table.learnedMacs;
  }

  /** Plugs a port in, or changes how it is plugged in. What was learned behind it stays. */
  attach(port: Port, options: AttachOptions = {}): void {
    let attachment = this.#byPort.get(port);
    if (attachment === undefined) {
      attachment = new Attachment(port);
      this.#byPort.set(port, attachment);
      this.#attachments = [...this.#byPort.values()];
    }
    attachment.guard = options.guard;
    attachment.learns = options.guard === undefined || options.learns === true;
    attachment.group = options.splitHorizonGroup ?? 0;
    if (attachment.mac === options.mac) return;
    if (attachment.mac !== undefined) this.#table.unpin(...split(attachment.mac), attachment);
    attachment.mac = options.mac;
    if (options.mac !== undefined) this.#table.pin(...split(options.mac), attachment);
  }

  detach(port: Port): void {
    const attachment = this.#byPort.get(port);
    if (attachment === undefined) return;
    this.#table.forget(attachment);
    this.#byPort.delete(port);
    this.#attachments = [...this.#byPort.values()];
  }

  /** The port behind a MAC, a 48-bit number. */
  portOf(mac: number): Port | undefined {
    return this.#table.lookup(Math.floor(mac / TWO_POW_32), mac % TWO_POW_32)?.port;
  }

  /** Whether a MAC, upper 16 and lower 32 bits, was given to a port: it is no other's. */
  isPinned(high: number, low: number): boolean {
    return this.#table.isPinned(high, low);
  }

  /** Forgets what was not seen for the ageing time; call it every now and then. */
  age(): void {
    this.#table.sweep(this.#nowSeconds());
  }

  forward(ingress: Port, batch: FrameBatch, start: number, end: number): void {
    const from = this.#byPort.get(ingress);
    if (from === undefined) return;
    const serial = ++this.#serial;
    const firstTouched = this.#touched.length;
    const heldBatches = batch.offloads === undefined ? -1 : this.#softwareOffload.heldBatches;
    this.#distribute(from, batch, start, end, serial);
    for (let index = firstTouched; index < this.#touched.length; index++) this.#touched[index]!.port.flush();
    this.#touched.length = firstTouched;
    if (heldBatches >= 0) this.#softwareOffload.release(heldBatches);
  }

  #distribute(from: Attachment, batch: FrameBatch, start: number, end: number, serial: number): void {
    const view = viewOf(from, batch.bytes);
    const { guard, learns } = from;
    const nowSeconds = learns ? this.#nowSeconds() : 0;
    let runWay: Way;
    let runStart = start;
    let runFrames = 0;
    let sourceHigh = -1;
    let sourceLow = 0;
    let lastHigh = -1;
    let lastLow = 0;
    let lastWay: Way;
    let position = start;
    while (position < end) {
      const frame = position + FRAME_HEADER_BYTES;
      const next = frame + view.getUint32(position);
      const reason = guard?.check(view, frame, next);
      let way: Way;
      if (reason === undefined) {
        if (learns) {
          const high = view.getUint16(frame + 6);
          const low = view.getInt32(frame + 8);
          if (low !== sourceLow || high !== sourceHigh) {
            sourceHigh = high;
            sourceLow = low;
            // A group address is no source (802.1Q, 8.7).
            if ((high & 0x0100) === 0) this.#table.learn(high, low, from, nowSeconds);
            // What was just learned may be where the next frame to the same address goes.
            lastHigh = -1;
          }
        }
        const high = view.getUint16(frame);
        const low = view.getInt32(frame + 2);
        if (low !== lastLow || high !== lastHigh) {
          lastHigh = high;
          lastLow = low;
          lastWay = this.#wayTo(from, high, low);
        }
        way = lastWay;
        if (way === undefined) countDrop(from.port, isReserved(high, low) ? 'reserved-group' : 'same-port');
      } else {
        countDrop(from.port, reason);
      }
      if (way === runWay) {
        runFrames += 1;
      } else {
        if (runWay !== undefined) this.#offer(from, runWay, batch, runStart, position, runFrames, serial);
        runWay = way;
        runStart = position;
        runFrames = 1;
      }
      position = next;
    }
    if (runWay !== undefined) this.#offer(from, runWay, batch, runStart, position, runFrames, serial);
  }

  #wayTo(from: Attachment, high: number, low: number): Way {
    if ((high & 0x0100) !== 0) return isReserved(high, low) ? undefined : 'flood';
    const to = this.#table.lookup(high, low);
    if (to === undefined) return 'flood';
    return to === from || (to.group !== 0 && to.group === from.group) ? undefined : to;
  }

  #offer(
    from: Attachment,
    way: Attachment | 'flood',
    batch: FrameBatch,
    start: number,
    end: number,
    frameCount: number,
    serial: number,
  ): void {
    if (way !== 'flood') {
      this.#touch(way, serial);
      this.#give(way.port, batch, start, end, frameCount);
      return;
    }
    for (const to of this.#attachments) {
      if (to === from || (to.group !== 0 && to.group === from.group)) continue;
      this.#touch(to, serial);
      this.#give(to.port, batch, start, end, frameCount);
    }
  }

  #give(port: Port, batch: FrameBatch, start: number, end: number, frameCount: number): void {
    if (batch.offloads === undefined || port.takesOffloads === true) {
      port.offer(batch, start, end, frameCount);
    } else this.#softwareOffload.offer(port, batch, start, end);
  }

  #touch(attachment: Attachment, serial: number): void {
    if (attachment.touchedBy === serial) return;
    attachment.touchedBy = serial;
    this.#touched.push(attachment);
  }
}

/** Upper 16 and lower 32 bits. */
function split(mac: number): [high: number, low: number] {
  return [Math.floor(mac / TWO_POW_32), mac % TWO_POW_32];
}

/** 01:80:c2:00:00:00-0f (802.1Q, table 8-1). */
function isReserved(high: number, low: number): boolean {
  return high === 0x0180 && low >>> 4 === 0x0c20_0000;
}

function viewOf(from: Attachment, bytes: Buffer): DataView {
  if (from.viewed !== bytes) {
    from.viewed = bytes;
    from.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }
  return from.view;
}
