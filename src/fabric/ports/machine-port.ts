import type { FrameSink, Port } from './port.js';
import type { PortTap } from './port-taps.js';

/** The port of a NIC, whatever is at its other end. */
export interface MachinePort extends Port {
  /** The switch; another one when the NIC moves to another network. */
  sink: FrameSink;
  /** Largest packet of the network; a frame may be its header longer, and a VLAN tag. */
  mtuBytes: number;
  readonly isConnected: boolean;
  addTap(tap: PortTap): void;
  removeTap(tap: PortTap): void;
  close(): void;
}
