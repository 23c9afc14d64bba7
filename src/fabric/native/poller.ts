/**
 * Readiness of descriptors that Node's event loop does not take: TAP devices, eventfds, sockets that carry descriptors.
 *
 * Theory of operation, that of a NIC's driver (NAPI): an idle descriptor is armed, and a thread that blocks in epoll
 * tells when it is ready. From then on the fabric polls it once each turn of its event loop, without a word from the
 * thread, until it has had nothing for `IDLE_TURNS` turns; then it is armed again. So a busy descriptor costs no
 * wake-ups, an idle one no time, and sockets are served between the turns.
 */
import { Worker } from 'node:worker_threads';
import type { Libc } from './libc.js';
import { EPOLL_DATA_OFFSET, EPOLL_EVENT_BYTES, STOP_ID } from './poll-thread.js';

const EPOLL_CLOEXEC = 0o2000000;
const EFD_CLOEXEC = 0o2000000;
const EPOLLIN = 1;
const EPOLLONESHOT = 1 << 30;
const CTL_ADD = 1;
const CTL_DEL = 2;
const CTL_MOD = 3;
const IDLE_TURNS = 4;

export interface Pollable {
  /** Does what there is to do, within bounds. @returns whether there was anything. */
  poll(): boolean;
  /** It is about to be armed, and will not be polled before the descriptor is ready. @returns false to be polled on. */
  rest?(): boolean;
}

export class Watch {
  idleTurns = 0;
  isClosed = false;

  constructor(
    readonly id: number,
    readonly fd: number,
    readonly pollable: Pollable,
  ) {}
}

export class Poller {
  readonly #libc: Libc;
  readonly #epollFd: number;
  readonly #stopFd: number;
  readonly #event;
  readonly #watches = new Map<number, Watch>();
  readonly #active = new Set<Watch>();
  readonly #worker: Worker;
  #nextId = STOP_ID + 1;
  #immediate: NodeJS.Immediate | undefined;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#event = libc.allocate(EPOLL_EVENT_BYTES);
    this.#epollFd = libc.epoll_create1(EPOLL_CLOEXEC);
    this.#stopFd = libc.eventfd(0, EFD_CLOEXEC);
    this.#control(CTL_ADD, this.#stopFd, EPOLLIN, STOP_ID);
    // The built program, also when this runs from its sources under test.
    const program = new URL('../../../dist/fabric/native/poll-thread.js', import.meta.url);
    this.#worker = new Worker(program, { workerData: { epollFd: this.#epollFd } });
    this.#worker.unref();
    this.#worker.on('message', (ids: readonly number[]) => {
      for (const id of ids) this.#wake(id);
    });
    // A thread in epoll_wait cannot be ended from outside, and the process would wait for it.
    process.once('exit', this.#stop);
  }

  watch(fd: number, pollable: Pollable): Watch {
    const watch = new Watch(this.#nextId, fd, pollable);
    this.#nextId += 1;
    this.#watches.set(watch.id, watch);
    this.#control(CTL_ADD, fd, EPOLLIN | EPOLLONESHOT, watch.id);
    return watch;
  }

  /** To be called before the descriptor is closed. */
  unwatch(watch: Watch): void {
    watch.isClosed = true;
    this.#active.delete(watch);
    if (!this.#watches.delete(watch.id)) return;
    this.#control(CTL_DEL, watch.fd, 0, watch.id);
  }

  close(): void {
    for (const watch of this.#watches.values()) this.unwatch(watch);
    clearImmediate(this.#immediate);
    process.off('exit', this.#stop);
    this.#stop();
    this.#worker.once('exit', () => {
      this.#libc.close(this.#epollFd);
      this.#libc.close(this.#stopFd);
    });
  }

  readonly #stop = (): void => {
    this.#event.bytes.writeBigUInt64LE(1n, 0);
    this.#libc.write(this.#stopFd, this.#event.address, 8);
  };

  /** Polls from the next turn on, whether the descriptor is ready or not. */
  poll(watch: Watch): void {
    if (watch.isClosed) return;
    watch.idleTurns = 0;
    this.#active.add(watch);
    this.#turnSoon();
  }

  #wake(id: number): void {
    const watch = this.#watches.get(id);
    if (watch === undefined) return;
    this.poll(watch);
    this.#poll(watch);
  }

  #turnSoon(): void {
    this.#immediate ??= setImmediate(() => {
      this.#immediate = undefined;
      for (const watch of this.#active) this.#poll(watch);
      if (this.#active.size > 0) this.#turnSoon();
    });
  }

  #poll(watch: Watch): void {
    if (watch.pollable.poll()) {
      watch.idleTurns = 0;
      return;
    }
    watch.idleTurns += 1;
    if (watch.idleTurns < IDLE_TURNS || watch.isClosed) return;
    if (watch.pollable.rest?.() === false) return;
    this.#active.delete(watch);
    this.#control(CTL_MOD, watch.fd, EPOLLIN | EPOLLONESHOT, watch.id);
  }

  #control(operation: number, fd: number, events: number, id: number): void {
    const { bytes, address } = this.#event;
    bytes.writeUInt32LE(events, 0);
    bytes.writeUInt32LE(id, EPOLL_DATA_OFFSET);
    this.#libc.epoll_ctl(this.#epollFd, operation, fd, address);
  }
}
