/** The host's side of connections in memory: what a server behind a host socket would do, at the test's pace. */
import type { Clock } from '../../../src/fabric/nat/clock.js';
import type {
  Dial,
  DialEvents,
  DialTarget,
  HostStream,
  HostStreamEvents,
} from '../../../src/fabric/nat/tcp/host-stream.js';

export interface HostBehaviour {
  /** How long until the connection stands or fails, ms. */
  readonly connectMs?: number;
  /** Fails instead of connecting. */
  readonly errorCode?: string;
  /** How long each write stays outstanding; 0: taken at once. */
  readonly takeMs?: () => number;
}

/** A stream that is there already is not `connected`. */
type StreamEvents = HostStreamEvents & Partial<Pick<DialEvents, 'connected'>>;

export class SimulatedStream implements HostStream {
  readonly target: DialTarget;
  readonly events: StreamEvents;
  readonly #clock: Clock;
  readonly #behaviour: HostBehaviour;
  /** What the guest has sent. */
  readonly received: Buffer[] = [];
  receivedCount = 0;
  ended = false;
  wasReset = false;
  askedAlive = false;
  #outgoing = Buffer.alloc(0);
  #endAfter = false;
  #paused = true;
  #writing = false;

  constructor(target: DialTarget, events: StreamEvents, clock: Clock, behaviour: HostBehaviour) {
    this.target = target;
    this.events = events;
    this.#clock = clock;
    this.#behaviour = behaviour;
    clock.after(behaviour.connectMs ?? 1, () => {
      if (this.wasReset) return;
      if (behaviour.errorCode !== undefined) events.failed(behaviour.errorCode);
      else {
        events.connected?.();
        this.#paused = false;
        this.#pump();
      }
    });
  }

  get receivedBytes(): Buffer {
    return Buffer.concat(this.received);
  }

  /** The server sends this, and with `end` its FIN behind it. */
  send(bytes: Buffer, end = false): void {
    this.#outgoing = Buffer.concat([this.#outgoing, bytes]);
    this.#endAfter ||= end;
    this.#pump();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#writing || this.ended || this.wasReset) throw new Error('written at the wrong time');
    const delayMs = this.#behaviour.takeMs?.() ?? 0;
    if (delayMs === 0) {
      this.#take(bytes);
      return true;
    }
    this.#writing = true;
    this.#clock.after(delayMs, () => {
      this.#writing = false;
      // Read only now: the memory must not have been used for anything else meanwhile.
      this.#take(bytes);
      if (!this.wasReset) this.events.drained();
    });
    return false;
  }

  #take(bytes: Uint8Array): void {
    this.received.push(Buffer.from(bytes));
    this.receivedCount += bytes.length;
  }

  end(): void {
    if (this.#writing) throw new Error('ended during a write');
    this.ended = true;
  }

  reset(): void {
    this.wasReset = true;
  }

  keepAlive(): void {
    this.askedAlive = true;
  }

  resume(): void {
    if (!this.#paused) throw new Error('resumed while reading');
    this.#paused = false;
    this.#pump();
  }

  #pump(): void {
    while (!this.#paused && !this.wasReset && this.#outgoing.length > 0) {
      const space = this.events.nextRead();
      if (space.length === 0) throw new Error('no space to read into');
      const bytes = Math.min(space.length, this.#outgoing.length);
      space.set(this.#outgoing.subarray(0, bytes));
      this.#outgoing = this.#outgoing.subarray(bytes);
      if (!this.events.received(bytes)) this.#paused = true;
    }
    if (this.#endAfter && !this.#paused && this.#outgoing.length === 0) {
      this.#endAfter = false;
      this.#paused = true;
      this.events.ended();
    }
  }
}

export class SimulatedHost {
  readonly streams: SimulatedStream[] = [];
  behaviour: HostBehaviour = {};
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly dial: Dial = (target, events) => {
    const stream = new SimulatedStream(target, events, this.#clock, this.behaviour);
    this.streams.push(stream);
    return stream;
  };
}
