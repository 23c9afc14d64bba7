/**
 * Where a flow's bytes go to and come from on this side: a socket of the host, or a service inside the fabric. The two
 * interfaces are the seam between the TCP endpoint and the world, so that tests put a simulated host behind it.
 */
export interface HostStream {
  /**
   * Hands over bytes; never called again before `drained` after it returned false, nor after `end`.
   * @returns true when they were taken and the memory is free again; false when it is in use until `drained`.
   */
  write(bytes: Uint8Array): boolean;
  /** The guest will send nothing more. */
  end(): void;
  /** Aborts at once (RST); no event follows, and neither space for reads nor bytes to write are used any more. */
  reset(): void;
  /** The connection has been silent for long: finds out now and then whether the other end still lives. */
  keepAlive(): void;
  /** Goes on reading after `received` returned false; not before the space named last is free. */
  resume(): void;
}

export interface HostStreamEvents {
  /** The space for the next read. */
  nextRead(): Uint8Array;
  /** `bytes` stand in the space named last. @returns whether to go on reading. */
  received(bytes: number): boolean;
  /** What the last `write` handed over was taken. */
  drained(): void;
  /** The other side will send nothing more. */
  ended(): void;
  /** The stream is gone. @param errorCode of the system, `ECONNRESET` for example. */
  failed(errorCode: string): void;
}

/** Events of a stream that is still being connected: `connected` or `failed` comes first. */
export interface DialEvents extends HostStreamEvents {
  connected(): void;
}

export interface DialTarget {
  readonly family: 4 | 6;
  readonly address: string;
  readonly port: number;
}

/** Opens a stream. No event comes before the call returned. */
export type Dial = (target: DialTarget, events: DialEvents) => HostStream;
