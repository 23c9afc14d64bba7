/**
 * Buffers of a connection that turned out to be its bottleneck grow, as long as the fabric's budget allows it;
 * they give it all back when the connection closes.
 */
import type { ControlBlock, TcpContext } from './control-block.js';

export class Growth {
  readonly #context: TcpContext;
  #grownBytes = 0;
  /** RCV.NXT at the end of the last batch. */
  #batchStart: number | undefined;

  constructor(context: TcpContext) {
    this.#context = context;
  }

  /**
   * The host gives more than the ring holds while the guest would take it. Only right before the ring names its
   * next space.
   */
  growRing({ ring, send }: ControlBlock): void {
    const { sizeBytes } = ring;
    const largerBytes = Math.min(sizeBytes * 4, this.#context.limits.maxSendRingBytes);
    if (send.windowBytes >= sizeBytes && this.#take(largerBytes - sizeBytes)) ring.grow(largerBytes);
  }

  /** The guest used half of its window within one batch and the host took it all. */
  widenReceiveWindow({ receive, toHost }: ControlBlock): void {
    const batchBytes = this.#batchStart === undefined ? 0 : (receive.next - this.#batchStart) >>> 0;
    this.#batchStart = receive.next;
    const { capacityBytes } = receive;
    if (receive.shift === 0 || batchBytes < capacityBytes >>> 1 || toHost.queuedBytes > 0) return;
    const widerBytes = Math.min(capacityBytes * 2, this.#context.limits.maxReceiveBytes);
    if (this.#take(widerBytes - capacityBytes)) receive.capacityBytes = widerBytes;
  }

  giveBack(): void {
    this.#context.budget.give(this.#grownBytes);
    this.#grownBytes = 0;
  }

  #take(bytes: number): boolean {
    if (bytes <= 0 || !this.#context.budget.take(bytes)) return false;
    this.#grownBytes += bytes;
    return true;
  }
}
