/**
 * The system calls that Node has no words for, by the optional package koffi: TAP devices, descriptors over sockets,
 * shared memory, waiting for a descriptor of any kind.
 *
 * Theory of operation. Memory is passed by address, as a number. The address of a Buffer holds only as long as the Buffer
 * lives, and V8 may think it dead while a call runs: so structures lie in one arena that lives as long as the process,
 * and frames in buffers that the caller holds in a field of an object (`addressOf`). A call that fails answers a negative
 * number; `errno` then says why.
 */
import { PasserelleError } from '../../errors.js';

/** Numbers of Linux, the same on every machine that Node runs on (asm-generic/errno-base.h, errno.h). */
export const Errno = { eagain: 11, ebusy: 16, ebadfd: 77, enobufs: 105 } as const;

type Call = (...args: readonly (number | string)[]) => number;

/** What is used of koffi. */
interface Koffi {
  load(path: string): { func(prototype: string): Call };
  address(buffer: Uint8Array): bigint;
  view(address: number, byteCount: number): ArrayBuffer;
  errno(): number;
}

const PROTOTYPES = {
  open: 'int open(const char *path, int flags)',
  close: 'int close(int fd)',
  ioctl: 'int ioctl(int fd, ulong request, uintptr_t argument)',
  read: 'int64_t read(int fd, uintptr_t bytes, size_t count)',
  write: 'int64_t write(int fd, uintptr_t bytes, size_t count)',
  readv: 'int64_t readv(int fd, uintptr_t ranges, int count)',
  writev: 'int64_t writev(int fd, uintptr_t ranges, int count)',
  setns: 'int setns(int fd, int type)',
  socket: 'int socket(int domain, int type, int protocol)',
  bind: 'int bind(int fd, uintptr_t address, uint32_t byteCount)',
  setsockopt: 'int setsockopt(int fd, int level, int option, uintptr_t value, uint32_t byteCount)',
  connect: 'int connect(int fd, uintptr_t address, uint32_t byteCount)',
  recvmsg: 'int64_t recvmsg(int fd, uintptr_t message, int flags)',
  send: 'int64_t send(int fd, uintptr_t bytes, size_t count, int flags)',
  mmap: 'int64_t mmap(uintptr_t address, size_t count, int protection, int flags, int fd, int64_t offset)',
  munmap: 'int munmap(uintptr_t address, size_t count)',
  fcntl: 'int fcntl(int fd, int command, int argument)',
  eventfd: 'int eventfd(uint32_t value, int flags)',
  epoll_create1: 'int epoll_create1(int flags)',
  epoll_ctl: 'int epoll_ctl(int epfd, int operation, int fd, uintptr_t event)',
  epoll_wait: 'int epoll_wait(int epfd, uintptr_t events, int count, int timeoutMs)',
} as const;

export type SystemCalls = { readonly [Name in keyof typeof PROTOTYPES]: Call };

export interface Libc extends SystemCalls {
  /** Of the call that failed last. */
  errno(): number;
  /** Where a buffer lies. Valid as long as the buffer is held. */
  addressOf(buffer: Uint8Array): number;
  /** Memory at an address as bytes. Not to be touched once it is unmapped. */
  view(address: number, byteCount: number): Uint8Array;
  /** A piece of the arena, zeroed, on an 8-byte boundary; for the life of the process. */
  allocate(byteCount: number): NativeMemory;
}

export interface NativeMemory {
  readonly bytes: Buffer;
  readonly address: number;
}

const ARENA_BYTES = 64 * 1024;

let loaded: Libc | undefined;

/** @throws PasserelleError `fabric/koffi-missing`. */
export async function loadLibc(): Promise<Libc> {
  if (loaded !== undefined) return loaded;
  // Not a literal, so that the package stays optional for the compiler too.
  const name = 'koffi';
  let koffi: Koffi;
  try {
    koffi = ((await import(name)) as { readonly default: Koffi }).default;
  } catch (cause) {
    throw new PasserelleError(
      {
        code: 'fabric/koffi-missing',
        message: 'taps and vhost-user need the optional package koffi, which is not installed',
        fix: 'npm install koffi',
      },
      1,
      { cause },
    );
  }
  loaded = bind(koffi);
  return loaded;
}

function bind(koffi: Koffi): Libc {
  const library = koffi.load('libc.so.6');
  const calls = Object.fromEntries(
    Object.entries(PROTOTYPES).map(([name, prototype]) => [name, library.func(prototype)]),
  ) as unknown as SystemCalls;
  let arena = newArena(koffi);
  let used = 0;
  const addresses = new WeakMap<ArrayBufferLike, number>();
  return {
    ...calls,
    errno: () => koffi.errno(),
    addressOf(buffer) {
      let base = addresses.get(buffer.buffer);
      if (base === undefined) {
        base = Number(koffi.address(new Uint8Array(buffer.buffer)));
        addresses.set(buffer.buffer, base);
      }
      return base + buffer.byteOffset;
    },
    view: (address, byteCount) => new Uint8Array(koffi.view(address, byteCount)),
    allocate(byteCount) {
      if (used + byteCount > ARENA_BYTES) {
        arena = newArena(koffi);
        used = 0;
      }
      const start = used;
      used += (byteCount + 7) & ~7;
      return { bytes: arena.bytes.subarray(start, start + byteCount), address: arena.address + start };
    },
  };
}

/** Arenas are never given back: their addresses are in the kernel's hands. */
const arenas: Buffer[] = [];

function newArena(koffi: Koffi): NativeMemory {
  const bytes = Buffer.alloc(ARENA_BYTES);
  arenas.push(bytes);
  return { bytes, address: Number(koffi.address(bytes)) };
}
