/** The UDP socket of tunnels: all networks with the same local address and port share it and are told apart by VNI. */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { PasserelleError } from '../../errors.js';
import { readVni } from '../../wire/vxlan.js';
import type { DatagramSink, Tunnel } from './tunnel.js';

/** For bursts: what the host's default of some 200 kB would lose while the event loop is busy. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

export class VxlanSocket implements DatagramSink {
  readonly #socket: Socket;
  readonly #port: number;
  /** By VNI, then by the peer's address. */
  readonly #tunnels = new Map<number, Map<string, Tunnel>>();

  private constructor(socket: Socket, port: number) {
    this.#socket = socket;
    this.#port = port;
    socket.on('message', (datagram, { address }) => this.#receive(datagram, address));
  }

  /** @throws PasserelleError `fabric/vxlan-refused` when the address or port cannot be had. */
  static open(address: string, port: number): Promise<VxlanSocket> {
    return new Promise((resolve, reject) => {
      const family = isIPv6(address) ? 6 : 4;
      const socket = createSocket({
        type: family === 6 ? 'udp6' : 'udp4',
        ipv6Only: family === 6,
        // Addresses are literal: no look-up, and so no wait.
        lookup: (literal, _options, callback) => callback(null, literal, family),
      });
      const refused = (error: Error): void => {
        socket.close();
        reject(vxlanRefused(address, port, error));
      };
      socket.once('error', refused);
      socket.bind({ address, port, exclusive: true }, () => {
        socket.off('error', refused);
        // A peer that is away shows in what its datagrams come to, not in the socket.
        socket.on('error', () => undefined);
        socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
        resolve(new VxlanSocket(socket, port));
      });
    });
  }

  get isIdle(): boolean {
    return this.#tunnels.size === 0;
  }

  get queuedBytes(): number {
    return this.#socket.getSendQueueSize();
  }

  send(datagram: Buffer, peer: string): void {
    this.#socket.send(datagram, this.#port, peer, ignoreFailure);
  }

  add(vni: number, tunnel: Tunnel): void {
    const peers = this.#tunnels.get(vni) ?? new Map<string, Tunnel>();
    peers.set(tunnel.peer, tunnel);
    this.#tunnels.set(vni, peers);
  }

  remove(vni: number, tunnel: Tunnel): void {
    const peers = this.#tunnels.get(vni);
    if (peers?.get(tunnel.peer) !== tunnel) return;
    peers.delete(tunnel.peer);
    if (peers.size === 0) this.#tunnels.delete(vni);
  }

  close(): void {
    this.#socket.close();
  }

  /** Strangers and networks of others are not answered (RFC 7348 section 7). */
  #receive(datagram: Buffer, peer: string): void {
    const vni = readVni(datagram, 0, datagram.length);
    if (vni !== undefined) this.#tunnels.get(vni)?.get(peer)?.receive(datagram);
  }
}

/** A datagram that the host does not take is lost, as any frame may be. */
function ignoreFailure(): void {}

function vxlanRefused(address: string, port: number, cause: Error): PasserelleError {
  const message = `VXLAN cannot use udp port ${port} on ${address}: ${cause.message}`;
  const fix =
    'end what has the port (`ss -lnup` shows it; a VXLAN device of the kernel has it too), or write another `port`';
  return new PasserelleError({ code: 'fabric/vxlan-refused', message, fix }, 1, { cause });
}
