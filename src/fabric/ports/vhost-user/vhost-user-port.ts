/**
 * A port with a virtio guest behind it whose memory we share: the back end of QEMU's `-netdev vhost-user`. It is the way
 * to checksum and segmentation offload for QEMU's guests, and its frames pass no socket at all.
 *
 * Theory of operation. The port dials QEMU (`VhostConnection`), which tells of memory and rings (`FrontEnd`). Kicks wake
 * the fabric through the poller; while frames come the ring from the guest is polled and kicks are off. Frames to the
 * guest go straight into its buffers; where it has none they are copied to a backlog, which is written when it gives
 * some, and refused when that is full, as on any switch port. When QEMU or the fabric goes, the other side of the
 * socket sees it: the rings are let go of, and told anew by the next connection.
 */
import type { Libc, NativeMemory } from '../../native/libc.js';
import type { Pollable, Poller, Watch } from '../../native/poller.js';
import { emptyOffload } from '../../offload/offload-table.js';
import type { ChunkPool } from '../chunk-pool.js';
import { countDrop, emptyCounters } from '../counters.js';
import { FrameIntake } from '../frame-intake.js';
import type { MachinePort } from '../machine-port.js';
import { FRAME_HEADER_BYTES, type FrameBatch, type FrameSink } from '../port.js';
import { type PortTap, PortTaps } from '../port-taps.js';
import { MAX_QUEUED_BYTES } from '../transmitter.js';
import { VhostConnection } from './connection.js';
import { FrameBacklog } from './frame-backlog.js';
import { FrontEnd, type RunningRing } from './front-end.js';
import { FramesFromGuest, FramesToGuest } from './guest-frames.js';
import type { VhostMessage } from './message.js';

export interface VhostUserPortOptions {
  readonly id: string;
  readonly socketPath: string;
  readonly mtuBytes: number;
  readonly sink: FrameSink;
  readonly pool: ChunkPool;
  readonly libc: Libc;
  readonly poller: Poller;
}

const EVENT_BYTES = 8;
const TO_GUEST = 0;
const FROM_GUEST = 1;

/** A ring in use, and the watch on its kicks. */
interface Running<Frames> extends RunningRing {
  readonly frames: Frames;
  readonly watch: Watch;
}

export class VhostUserPort implements MachinePort {
  readonly id: string;
  readonly counters = emptyCounters();
  sink: FrameSink;
  mtuBytes: number;
  readonly #libc: Libc;
  readonly #poller: Poller;
  readonly #connection: VhostConnection;
  readonly #event: NativeMemory;
  readonly #taps = new PortTaps();
  readonly #intake: FrameIntake;
  readonly #backlog: FrameBacklog;
  readonly #offload = emptyOffload();
  readonly #batches: FrameBatch[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  /** Buffers of the guest that were too few for the frame that waits. */
  #waitingBuffers = 0;
  #frontEnd: FrontEnd | undefined;
  #fromGuest: Running<FramesFromGuest> | undefined;
  #toGuest: Running<FramesToGuest> | undefined;

  constructor(options: VhostUserPortOptions) {
    const { libc, poller, socketPath } = options;
    this.id = options.id;
    this.sink = options.sink;
    this.mtuBytes = options.mtuBytes;
    this.#libc = libc;
    this.#poller = poller;
    this.#event = libc.allocate(EVENT_BYTES);
    this.#intake = new FrameIntake(this, this.#taps, options.pool);
    this.#backlog = new FrameBacklog(options.pool);
    this.#connection = new VhostConnection(libc, poller, socketPath, {
      onOpen: () => {
        this.#frontEnd = new FrontEnd(libc);
      },
      onMessage: (message, fds) => this.#onMessage(message, fds),
      onClose: () => this.#letGo(),
    });
  }

  get isConnected(): boolean {
    return this.#toGuest !== undefined && this.#fromGuest !== undefined;
  }

  get takesOffloads(): boolean {
    return this.#frontEnd?.takesOffloads === true;
  }

  get queuedBytes(): number {
    return this.#backlog.byteCount;
  }

  set socketPath(path: string) {
    this.#connection.redirect(path);
  }

  addTap(tap: PortTap): void {
    this.#taps.add(tap);
  }

  removeTap(tap: PortTap): void {
    this.#taps.remove(tap);
  }

  close(): void {
    this.#connection.close();
    this.#intake.close();
    this.#taps.close();
  }

  offer(batch: FrameBatch, start: number, end: number, frameCount: number): void {
    if (this.#toGuest === undefined) {
      countDrop(this, 'not-connected', frameCount);
      return;
    }
    this.#batches.push(batch);
    this.#starts.push(start);
    this.#ends.push(end);
  }

  flush(): void {
    for (let index = 0; index < this.#batches.length; index++) {
      const batch = this.#batches[index]!;
      const end = this.#ends[index]!;
      for (let position = this.#starts[index]!; position < end; ) {
        const next = position + FRAME_HEADER_BYTES + batch.bytes.readUInt32BE(position);
        this.#giveOrKeep(batch, position, next);
        position = next;
      }
    }
    this.#batches.length = 0;
    this.#starts.length = 0;
    this.#ends.length = 0;
    this.#publish(TO_GUEST, this.#toGuest);
  }

  #giveOrKeep(batch: FrameBatch, position: number, next: number): void {
    if (this.#backlog.byteCount > 0 || !this.#give(batch, position, next)) {
      if (this.#toGuest === undefined || this.#backlog.byteCount + next - position > MAX_QUEUED_BYTES) {
        countDrop(this, 'queue-full');
        return;
      }
      this.#backlog.append(batch, position);
      this.#poller.poll(this.#toGuest.watch);
    }
    this.counters.txFrames += 1;
    this.counters.txBytes += next - position - FRAME_HEADER_BYTES;
    this.#taps.show('received', batch, position, next);
  }

  /** @returns false when the guest has no buffers for the frame. */
  #give(batch: FrameBatch, position: number, next: number): boolean {
    const leaves = batch.offloads?.read(position, this.#offload) === true;
    const frame = position + FRAME_HEADER_BYTES;
    return this.#toGuest?.frames.put(batch.bytes, frame, next, leaves ? this.#offload : undefined) === true;
  }

  /** The guest's kicks for the ring that leads to it: it has given buffers. */
  readonly #drain: Pollable = {
    poll: () => {
      let isAny = false;
      for (let first = this.#backlog.first(); first !== undefined; first = this.#backlog.first()) {
        const { batch, position } = first;
        const next = position + FRAME_HEADER_BYTES + batch.bytes.readUInt32BE(position);
        if (!this.#give(batch, position, next)) break;
        this.#backlog.shift();
        isAny = true;
      }
      this.#waitingBuffers = this.#toGuest?.queue.waiting ?? 0;
      this.#publish(TO_GUEST, this.#toGuest);
      return isAny;
    },
    rest: () => {
      const running = this.#toGuest;
      if (running === undefined) return true;
      const waits = this.#backlog.byteCount > 0;
      running.queue.wantsKicks = waits;
      this.#takeKick(running.kickFd);
      // Buffers that came between the last look and the word that kicks are wanted were not kicked for.
      return !waits || running.queue.waiting === this.#waitingBuffers;
    },
  };

  /** The guest's kicks for the ring that comes from it: it sends. */
  readonly #receive: Pollable = {
    poll: () => {
      const running = this.#fromGuest;
      if (running === undefined) return false;
      running.queue.wantsKicks = false;
      const count = running.frames.take(this.#intake, () => countDrop(this, 'malformed'));
      this.#publish(FROM_GUEST, running);
      this.#intake.deliver();
      return count > 0;
    },
    rest: () => {
      const running = this.#fromGuest;
      if (running === undefined) return true;
      running.queue.wantsKicks = true;
      this.#takeKick(running.kickFd);
      // What came between the last look and the word that kicks are wanted was not kicked for.
      return running.queue.waiting === 0;
    },
  };

  #onMessage(message: VhostMessage, fds: readonly number[]): Buffer | undefined {
    // The descriptors of kicks may be closed by it, and epoll must not go on with those.
    this.#stopRings();
    try {
      const answer = this.#frontEnd?.handle(message, fds);
      this.#startRings();
      return answer;
    } catch (error) {
      // Whoever is there does not speak as QEMU does: the connection ends, and status says why.
      countDrop(this, 'bad-message');
      throw error;
    }
  }

  #startRings(): void {
    const frontEnd = this.#frontEnd;
    const toGuest = frontEnd?.ring(TO_GUEST);
    const fromGuest = frontEnd?.ring(FROM_GUEST);
    if (frontEnd === undefined || toGuest === undefined || fromGuest === undefined) return;
    const { headerBytes, mergesBuffers } = frontEnd;
    toGuest.queue.wantsKicks = false;
    this.#toGuest = {
      ...toGuest,
      frames: new FramesToGuest(toGuest.memory, toGuest.queue, headerBytes, mergesBuffers),
      watch: this.#poller.watch(toGuest.kickFd, this.#drain),
    };
    this.#fromGuest = {
      ...fromGuest,
      frames: new FramesFromGuest(fromGuest.memory, fromGuest.queue, headerBytes),
      watch: this.#poller.watch(fromGuest.kickFd, this.#receive),
    };
    // What waits already was kicked for before we came.
    this.#poller.poll(this.#fromGuest.watch);
  }

  #stopRings(): void {
    for (const running of [this.#toGuest, this.#fromGuest]) {
      if (running !== undefined) this.#poller.unwatch(running.watch);
    }
    this.#toGuest = undefined;
    this.#fromGuest = undefined;
  }

  #letGo(): void {
    this.#stopRings();
    this.#frontEnd?.close();
    this.#frontEnd = undefined;
    this.#backlog.clear();
  }

  /** Shows the guest what was used of a ring, and calls it if it wants that. */
  #publish(index: 0 | 1, running: RunningRing | undefined): void {
    if (running?.queue.publish() !== true) return;
    const callFd = this.#frontEnd?.callFd(index) ?? -1;
    if (callFd < 0) return;
    this.#event.bytes.writeUInt32LE(1, 0);
    this.#event.bytes.writeUInt32LE(0, 4);
    this.#libc.write(callFd, this.#event.address, EVENT_BYTES);
  }

  #takeKick(kickFd: number): void {
    this.#libc.read(kickFd, this.#event.address, EVENT_BYTES);
  }
}
