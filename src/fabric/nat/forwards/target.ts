import type { Clock } from '../clock.js';
import type { NetworkNat } from '../network-nat.js';

/** Where one forwarded port leads. */
export interface ForwardTarget {
  readonly network: NetworkNat;
  /** The machine's address, canonical text. */
  readonly address: string;
  readonly port: number;
  /** The machine sees the gateway, whoever the client is. */
  readonly showsGateway: boolean;
  readonly clock: Clock;
}
