/**
 * The host's UDP socket behind a guest's address and port.
 *
 * Theory of operation. A NAT must keep one outside port for all destinations (endpoint-independent mapping, RFC
 * 4787 REQ-1), so the socket is not connected; but only a connected socket learns of a refused port. The socket
 * therefore begins connected to the first destination and is disconnected at the first answer, or when a second
 * destination is spoken to: until then its errors are that destination's. The port is chosen and bound here, as
 * the kernel forgets one it chose itself when disconnecting; its parity is the guest's (REQ-4). A destination
 * that answers from another port is never connected to.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { FIRST_HOST_PORT, LAST_HOST_PORT, TFTP_PORT } from './limits.js';

export interface HostDatagramEvents {
  received(payload: Buffer, address: string, port: number): void;
  /** What was sent to the address did not get through. */
  failed(errorCode: string, address: string, port: number): void;
}

export interface HostDatagrams {
  /** @param payload not touched again by the caller. */
  send(payload: Buffer, address: string, port: number): void;
  close(): void;
}

/** @returns `undefined` when the host has no socket or port left. */
export type OpenDatagrams = (
  family: 4 | 6,
  guestPort: number,
  events: HostDatagramEvents,
) => HostDatagrams | undefined;

/** Free ports tried before giving up; with half of all ports taken, the chance to fail is 2^-16. */
const BIND_ATTEMPTS = 16;
const ANY_ADDRESS = { 4: '0.0.0.0', 6: '::' } as const;

class DatagramSocket implements HostDatagrams {
  readonly #socket: Socket;
  readonly #events: HostDatagramEvents;
  #connected: { readonly address: string; readonly port: number } | undefined;
  /** Never to be connected again. */
  #settled = false;
  #live = true;

  constructor(socket: Socket, events: HostDatagramEvents) {
    this.#socket = socket;
    this.#events = events;
    socket.on('message', (payload, from) => this.#receive(payload, from));
    socket.on('error', (error: NodeJS.ErrnoException) => this.#fail(error.code));
  }

  send(payload: Buffer, address: string, port: number): void {
    this.#aim(address, port);
    const sent = (error: NodeJS.ErrnoException | null) => {
      if (error !== null && this.#live) this.#events.failed(error.code ?? 'EIO', address, port);
    };
    if (this.#connected === undefined) this.#socket.send(payload, port, address, sent);
    else this.#socket.send(payload, sent);
  }

  close(): void {
    if (!this.#live) return;
    this.#live = false;
    this.#socket.close();
  }

  /** Connects to the first destination, and lets go of it for a second. */
  #aim(address: string, port: number): void {
    const current = this.#connected;
    if (current?.address === address && current.port === port) return;
    if (current !== undefined) this.#disconnect();
    else if (!this.#settled && port !== TFTP_PORT) {
      this.#socket.connect(port, address);
      // Where there is no route the connection fails at once, and the send tells it again.
      if (isConnected(this.#socket)) this.#connected = { address, port };
      else this.#settled = true;
    }
  }

  #disconnect(): void {
    this.#settled = true;
    this.#connected = undefined;
    this.#socket.disconnect();
  }

  #receive(payload: Buffer, from: RemoteInfo): void {
    if (!this.#live) return;
    if (this.#connected !== undefined) this.#disconnect();
    this.#events.received(payload, from.address, from.port);
  }

  #fail(code = 'EIO'): void {
    const to = this.#connected;
    if (this.#live && to !== undefined) this.#events.failed(code, to.address, to.port);
  }
}

export const openHostDatagrams: OpenDatagrams = (family, guestPort, events) => {
  const socket = createSocket({
    type: family === 4 ? 'udp4' : 'udp6',
    ipv6Only: family === 6,
    // Addresses are literal: no look-up, and so no wait.
    lookup: (address, _options, callback) => callback(null, address, family),
  });
  for (let attempt = 0; attempt < BIND_ATTEMPTS; attempt++) {
    if (bindNow(socket, portLike(guestPort), ANY_ADDRESS[family])) return new DatagramSocket(socket, events);
  }
  socket.close();
  return undefined;
};

function isConnected(socket: Socket): boolean {
  try {
    return socket.remoteAddress().port > 0;
  } catch {
    return false;
  }
}

/** With a look-up that answers at once, `bind` is over when it returns. */
function bindNow(socket: Socket, port: number, address: string): boolean {
  let bound = true;
  const refused = () => {
    bound = false;
  };
  socket.once('error', refused);
  socket.bind({ port, address, exclusive: true });
  socket.off('error', refused);
  return bound;
}

/** A port of the range with the parity of the guest's. */
function portLike(guestPort: number): number {
  const pairs = (LAST_HOST_PORT + 1 - FIRST_HOST_PORT) / 2;
  return FIRST_HOST_PORT + 2 * Math.floor(Math.random() * pairs) + (guestPort & 1);
}
