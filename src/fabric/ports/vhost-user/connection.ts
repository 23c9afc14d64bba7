/**
 * The socket on which QEMU speaks vhost-user: dialled, and dialled again when it is gone, as stream ports are (QEMU
 * listens, so that either side may be restarted). Node's own sockets lose the descriptors that come along, hence the
 * native calls. A message is read as one recvmsg for its header, which carries the descriptors, and one for its payload.
 */
import { existsSync } from 'node:fs';
import { Errno, type Libc, type NativeMemory } from '../../native/libc.js';
import type { Pollable, Poller, Watch } from '../../native/poller.js';
import {
  MAX_PAYLOAD_BYTES,
  MAX_REGIONS,
  readHeader,
  VHOST_HEADER_BYTES,
  type VhostMessage,
} from './message.js';

const AF_UNIX = 1;
const SOCK_STREAM_NONBLOCK_CLOEXEC = 1 | 0o4000 | 0o2000000;
const MSG_DONTWAIT_CMSG_CLOEXEC = 0x40 | 0x4000_0000;
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const SOCKADDR_UN_BYTES = 110;
/** struct msghdr, iovec and cmsghdr of 64-bit machines (sys/socket.h). */
const MSGHDR_BYTES = 56;
const IOVEC_BYTES = 16;
const CMSGHDR_BYTES = 16;
const CONTROL_BYTES = CMSGHDR_BYTES + MAX_REGIONS * 4;
const FIRST_PAUSE_MS = 20;
const MAX_PAUSE_MS = 500;
/** Messages in one poll: set-up is a few dozen, and other ports wait. */
const MAX_MESSAGES = 64;

export interface ConnectionEvents {
  onOpen(): void;
  /**
   * A message, with the descriptors that came with it, which belong to the callee now.
   * @returns what is to be answered. @throws Error when the message makes no sense: the connection is closed.
   */
  onMessage(message: VhostMessage, fds: readonly number[]): Buffer | undefined;
  onClose(): void;
}

export class VhostConnection implements Pollable {
  readonly #libc: Libc;
  readonly #poller: Poller;
  readonly #events: ConnectionEvents;
  readonly #address: NativeMemory;
  readonly #message: NativeMemory;
  readonly #range: NativeMemory;
  readonly #control: NativeMemory;
  readonly #bytes: NativeMemory;
  #path: string;
  #fd = -1;
  #watch: Watch | undefined;
  #timer: NodeJS.Timeout | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #isClosed = false;
  #filledBytes = 0;
  #fds: number[] = [];

  constructor(libc: Libc, poller: Poller, path: string, events: ConnectionEvents) {
    this.#libc = libc;
    this.#poller = poller;
    this.#path = path;
    this.#events = events;
    this.#address = libc.allocate(SOCKADDR_UN_BYTES);
    this.#message = libc.allocate(MSGHDR_BYTES);
    this.#range = libc.allocate(IOVEC_BYTES);
    this.#control = libc.allocate(CONTROL_BYTES);
    this.#bytes = libc.allocate(VHOST_HEADER_BYTES + MAX_PAYLOAD_BYTES);
    this.#dial();
  }

  /** Hangs up and dials another socket. */
  redirect(path: string): void {
    if (path === this.#path) return;
    this.#path = path;
    this.hangUp();
  }

  /** Ends this connection; another follows. */
  hangUp(): void {
    this.#disconnect();
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#dialLater();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#disconnect();
  }

  poll(): boolean {
    try {
      let count = 0;
      while (count < MAX_MESSAGES && this.#readMessage()) count += 1;
      return count > 0;
    } catch {
      this.hangUp();
      return false;
    }
  }

  #dial(): void {
    if (!existsSync(this.#path)) {
      this.#dialLater();
      return;
    }
    const fd = this.#libc.socket(AF_UNIX, SOCK_STREAM_NONBLOCK_CLOEXEC, 0);
    const { bytes, address } = this.#address;
    bytes.fill(0);
    bytes.writeUInt16LE(AF_UNIX, 0);
    bytes.write(this.#path, 2, SOCKADDR_UN_BYTES - 3);
    if (fd < 0 || this.#libc.connect(fd, address, SOCKADDR_UN_BYTES) < 0) {
      if (fd >= 0) this.#libc.close(fd);
      this.#dialLater();
      return;
    }
    this.#fd = fd;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#filledBytes = 0;
    this.#watch = this.#poller.watch(fd, this);
    this.#events.onOpen();
  }

  #dialLater(): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => this.#dial(), this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, MAX_PAUSE_MS);
  }

  #disconnect(): void {
    if (this.#watch === undefined) return;
    this.#poller.unwatch(this.#watch);
    this.#watch = undefined;
    this.#libc.close(this.#fd);
    for (const fd of this.#fds) this.#libc.close(fd);
    this.#fds = [];
    this.#events.onClose();
  }

  /** @returns whether a whole message was there. @throws Error when the connection is over. */
  #readMessage(): boolean {
    if (!this.#fill(VHOST_HEADER_BYTES)) return false;
    const header = readHeader(this.#bytes.bytes);
    if (header === undefined) throw new Error('not vhost-user');
    const end = VHOST_HEADER_BYTES + header.payloadBytes;
    if (!this.#fill(end)) return false;
    const payload = Buffer.from(this.#bytes.bytes.subarray(VHOST_HEADER_BYTES, end));
    const fds = this.#fds;
    this.#fds = [];
    this.#filledBytes = 0;
    const { request, needsReply } = header;
    const reply = this.#events.onMessage({ request, needsReply, payload }, fds);
    if (reply !== undefined) this.#send(reply);
    return true;
  }

  /** Reads on until `wantedBytes` of the message are there. */
  #fill(wantedBytes: number): boolean {
    while (this.#filledBytes < wantedBytes) {
      const { bytes, address } = this.#message;
      bytes.fill(0);
      writePointer(this.#range.bytes, 0, this.#bytes.address + this.#filledBytes);
      this.#range.bytes.writeUInt32LE(wantedBytes - this.#filledBytes, 8);
      writePointer(bytes, 16, this.#range.address);
      bytes.writeUInt32LE(1, 24);
      writePointer(bytes, 32, this.#control.address);
      bytes.writeUInt32LE(CONTROL_BYTES, 40);
      const count = this.#libc.recvmsg(this.#fd, address, MSG_DONTWAIT_CMSG_CLOEXEC);
      if (count < 0 && this.#libc.errno() === Errno.eagain) return false;
      if (count <= 0) throw new Error('the connection is over');
      this.#takeDescriptors(bytes.readUInt32LE(40));
      this.#filledBytes += count;
    }
    return true;
  }

  #takeDescriptors(controlBytes: number): void {
    const { bytes } = this.#control;
    if (controlBytes < CMSGHDR_BYTES) return;
    if (bytes.readUInt32LE(8) !== SOL_SOCKET || bytes.readUInt32LE(12) !== SCM_RIGHTS) return;
    const end = Math.min(bytes.readUInt32LE(0), CONTROL_BYTES);
    for (let at = CMSGHDR_BYTES; at + 4 <= end; at += 4) this.#fds.push(bytes.readInt32LE(at));
  }

  #send(reply: Buffer): void {
    // Answers are a few bytes and asked for one at a time: a socket that does not take one is over.
    this.#bytes.bytes.set(reply);
    const sent = this.#libc.send(this.#fd, this.#bytes.address, reply.length, MSG_DONTWAIT_NOSIGNAL);
    if (sent !== reply.length) throw new Error('the answer was not taken');
  }
}

function writePointer(bytes: Buffer, offset: number, address: number): void {
  bytes.writeUInt32LE(address % 0x1_0000_0000, offset);
  bytes.writeUInt32LE(Math.floor(address / 0x1_0000_0000), offset + 4);
}
