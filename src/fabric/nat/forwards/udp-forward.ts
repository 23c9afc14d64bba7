/**
 * The clients of one forwarded UDP port.
 *
 * Each client address and port has a flow towards the machine, made by its first datagram; answers leave by the
 * listening socket, so that the client sees them come from where it sent to. (On a host with several addresses
 * an answer from a wildcard socket takes the address that the host's routes choose.) Flows end when idle; the
 * oldest makes room.
 */
import type { RemoteInfo, Socket } from 'node:dgram';
import { type Clock, DeadlineTimer } from '../clock.js';
import type { IpPath } from '../ip-path.js';
import { writeDatagram } from '../udp/datagram-writer.js';
import { MAPPING_IDLE_MS, SWEEP_MS, type UdpLimits } from '../udp/limits.js';
import { showClient } from './client-path.js';
import type { ForwardTarget } from './target.js';

/** Datagrams of one client that wait for the machine's MAC. */
const MAX_WAITING = 8;

interface Client {
  readonly path: IpPath;
  readonly shownPort: number;
  readonly target: ForwardTarget;
  activeAtMs: number;
  mac: number | undefined;
  waiting: Buffer[];
}

export class UdpForward {
  readonly #socket: Socket;
  readonly #target: () => ForwardTarget;
  readonly #limits: UdpLimits;
  /** By address and port; idle longest first. */
  readonly #clients = new Map<string, Client>();
  readonly #sweeper: DeadlineTimer;

  /** @param target asked for each new client, as it may change. */
  constructor(socket: Socket, limits: UdpLimits, clock: Clock, target: () => ForwardTarget) {
    this.#socket = socket;
    this.#limits = limits;
    this.#target = target;
    this.#sweeper = new DeadlineTimer(clock, (nowMs) => this.#sweep(nowMs));
    socket.on('message', (payload, from) => this.#receive(payload, from));
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  close(): void {
    this.#sweeper.stop();
    for (const [key, client] of this.#clients) this.#end(key, client);
    this.#socket.close();
  }

  #receive(payload: Buffer, from: RemoteInfo): void {
    const key = `${from.address} ${from.port}`;
    const client = this.#clients.get(key) ?? this.#begin(key, from);
    if (client === undefined) return;
    client.activeAtMs = client.target.clock.nowMs();
    this.#clients.delete(key);
    this.#clients.set(key, client);
    if (client.mac === undefined) {
      if (client.waiting.length < MAX_WAITING) client.waiting.push(payload);
    } else this.#sendToGuest(client, client.mac, payload);
  }

  #begin(key: string, from: RemoteInfo): Client | undefined {
    const target = this.#target();
    const { network, address, port, clock } = target;
    let client: Client | undefined;
    showClient(target, from, (path, shownPort) => {
      const answer = (payload: Buffer) => this.#answer(key, Buffer.from(payload), from);
      if (!network.udp.addClient(path, port, shownPort, { answer })) return false;
      client = { path, shownPort, target, activeAtMs: clock.nowMs(), mac: undefined, waiting: [] };
      return true;
    });
    if (client === undefined) return undefined;
    const begun: Client = client;
    for (const [oldestKey, oldest] of this.#clients) {
      if (this.#clients.size < this.#limits.maxClients) break;
      this.#end(oldestKey, oldest);
    }
    this.#clients.set(key, begun);
    this.#sweeper.require(clock.nowMs() + SWEEP_MS);
    network.link.resolve(address, (mac) => {
      if (this.#clients.get(key) !== begun) return;
      if (mac === undefined) this.#end(key, begun);
      else {
        begun.mac = mac;
        for (const payload of begun.waiting) this.#sendToGuest(begun, mac, payload);
        begun.waiting = [];
      }
    });
    return begun;
  }

  #sendToGuest(client: Client, mac: number, payload: Buffer): void {
    const { network, port } = client.target;
    const { link } = network;
    if (link.queuedBytes(mac) >= this.#limits.portQueueBytes) {
      network.drops.add('queue-full');
      return;
    }
    writeDatagram(link, mac, client.path, client.shownPort, port, payload);
    network.flusher.soon();
  }

  #answer(key: string, payload: Buffer, to: RemoteInfo): void {
    const client = this.#clients.get(key);
    if (client !== undefined) client.activeAtMs = client.target.clock.nowMs();
    this.#socket.send(payload, to.port, to.address, () => undefined);
  }

  #sweep(nowMs: number): void {
    for (const [key, client] of this.#clients) {
      if (nowMs - client.activeAtMs >= MAPPING_IDLE_MS) this.#end(key, client);
    }
    if (this.#clients.size > 0) this.#sweeper.require(nowMs + SWEEP_MS);
  }

  #end(key: string, client: Client): void {
    this.#clients.delete(key);
    client.target.network.udp.removeClient(client.path, client.target.port, client.shownPort);
  }
}
