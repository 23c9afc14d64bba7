/**
 * A guest's address and port, and the host socket that stands for it (endpoint-independent mapping, RFC 4787
 * REQ-1).
 *
 * Who was spoken to may answer from any port (address-dependent filtering, REQ-8); others are dropped. Traffic
 * in either direction keeps the mapping alive (REQ-6).
 */
import type { IpPath } from '../ip-path.js';
import { QUOTED_TRANSPORT_BYTES } from '../unreachable.js';
import type { HostDatagrams } from './host-datagrams.js';
import { DNS_MAPPING_IDLE_MS, DNS_PORT, MAPPING_IDLE_MS } from './limits.js';

export interface Remote {
  readonly path: IpPath;
  /** The start of the last datagram to it, for the errors it may cause. */
  readonly quote: Buffer;
  lastLengthBytes: number;
}

export class Mapping {
  readonly guestPort: number;
  readonly ownerMac: number;
  guestMac: number;
  activeAtMs: number;
  socket: HostDatagrams | undefined;
  readonly #maxRemotes: number;
  /** By the address that the host sees; spoken to longest ago first. */
  readonly #remotes = new Map<string, Remote>();
  #onlyDns = true;

  constructor(guestPort: number, mac: number, maxRemotes: number, nowMs: number) {
    this.guestPort = guestPort;
    this.ownerMac = mac;
    this.guestMac = mac;
    this.activeAtMs = nowMs;
    this.#maxRemotes = maxRemotes;
  }

  /** @param address as the host sees it. */
  remote(address: string): Remote | undefined {
    return this.#remotes.get(address);
  }

  /**
   * The guest sends to an address.
   * @param path as the guest sees it, asked for when the address is new.
   */
  speakTo(address: string, port: number, path: () => IpPath): Remote {
    if (port !== DNS_PORT) this.#onlyDns = false;
    let remote = this.#remotes.get(address);
    if (remote === undefined) {
      remote = { path: path(), quote: Buffer.alloc(QUOTED_TRANSPORT_BYTES), lastLengthBytes: 0 };
      for (const oldest of this.#remotes.keys()) {
        if (this.#remotes.size < this.#maxRemotes) break;
        this.#remotes.delete(oldest);
      }
    } else this.#remotes.delete(address);
    this.#remotes.set(address, remote);
    return remote;
  }

  expired(nowMs: number): boolean {
    return nowMs - this.activeAtMs >= (this.#onlyDns ? DNS_MAPPING_IDLE_MS : MAPPING_IDLE_MS);
  }
}
