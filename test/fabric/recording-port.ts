import { emptyOffload } from '../../src/fabric/offload/offload-table.js';
import { emptyCounters } from '../../src/fabric/ports/counters.js';
import type { MachinePort } from '../../src/fabric/ports/machine-port.js';
import type { FrameBatch, FrameSink, Port } from '../../src/fabric/ports/port.js';
import type { Offload } from '../../src/wire/virtio-net-header.js';

/** A port that keeps what it gives to the switch and what the switch gives to it. */
export class RecordingPort implements MachinePort, FrameSink {
  readonly id = 'm1/0';
  readonly counters = emptyCounters();
  mtuBytes = 1500;
  readonly isConnected = true;
  sink: FrameSink = this;
  readonly frames: Buffer[] = [];
  /** What the frames left to be done, those that left anything. */
  readonly offloads: Offload[] = [];

  constructor(readonly takesOffloads = true) {}

  forward(_from: Port, batch: FrameBatch, start: number, end: number): void {
    this.offer(batch, start, end);
  }

  offer({ bytes, offloads }: FrameBatch, start: number, end: number): void {
    for (let position = start; position < end; ) {
      const next = position + 4 + bytes.readUInt32BE(position);
      this.frames.push(Buffer.from(bytes.subarray(position + 4, next)));
      const offload = emptyOffload();
      if (offloads?.read(position, offload) === true) this.offloads.push(offload);
      position = next;
    }
  }

  flush(): void {}
  addTap(): void {}
  removeTap(): void {}
  close(): void {}
}
