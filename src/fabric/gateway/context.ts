import type { Ipv4Header } from '../../wire/ipv4.js';
import type { Ipv6Header } from '../../wire/ipv6.js';
import type { DropReason } from './drop-reason.js';
import type { IcmpError } from './icmp-error.js';
import type { GatewayLink } from './link.js';
import type { NeighbourCache } from './neighbours.js';
import type { GatewaySettings } from './settings.js';

/** Tells a machine by ICMP what became of the packet at `start`, whose header was read. */
export interface ErrorSender {
  sendIpv4(error: IcmpError, bytes: Buffer, start: number, header: Ipv4Header, mac: number): void;
  sendIpv6(error: IcmpError, bytes: Buffer, start: number, header: Ipv6Header, mac: number): void;
}

/** What the parts of one gateway share. Settings change live: read them anew for each packet. */
export interface GatewayContext extends GatewayLink {
  readonly settings: GatewaySettings;
  readonly neighbours: NeighbourCache;
  readonly errors: ErrorSender;
  /** Counts a packet that was refused. */
  drop(reason: DropReason): void;
}
