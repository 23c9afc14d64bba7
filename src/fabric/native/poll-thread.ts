/**
 * The thread that waits: epoll blocks it, and it tells the fabric which descriptors are ready. Each descriptor tells once
 * (EPOLLONESHOT) until it is armed again, so nothing is ever told twice. The descriptor with the number `STOP_ID` ends it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { loadLibc } from './libc.js';

const MAX_EVENTS = 64;
/** struct epoll_event is packed on x86-64, and nowhere else (sys/epoll.h). */
export const EPOLL_EVENT_BYTES = process.arch === 'x64' ? 12 : 16;
export const EPOLL_DATA_OFFSET = process.arch === 'x64' ? 4 : 8;
export const STOP_ID = 0;

async function wait(epollFd: number): Promise<void> {
  const libc = await loadLibc();
  const events = libc.allocate(MAX_EVENTS * EPOLL_EVENT_BYTES);
  for (;;) {
    const count = libc.epoll_wait(epollFd, events.address, MAX_EVENTS, -1);
    const ids: number[] = [];
    for (let index = 0; index < count; index++) {
      const id = events.bytes.readUInt32LE(index * EPOLL_EVENT_BYTES + EPOLL_DATA_OFFSET);
      if (id === STOP_ID) return;
      ids.push(id);
    }
    if (ids.length > 0) parentPort?.postMessage(ids, []);
  }
}

if (parentPort !== null) await wait((workerData as { epollFd: number }).epollFd);
