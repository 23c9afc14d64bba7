/**
 * A TAP device (Documentation/networking/tuntap.rst): to the kernel a NIC, in this namespace or another one; to us a
 * descriptor that reads and writes its frames, each behind a virtio_net_hdr. The device goes with the descriptor.
 */
import { closeSync, openSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { PasserelleError } from '../../../errors.js';
import { VIRTIO_NET_HEADER_BYTES } from '../../../wire/virtio-net-header.js';
import { Errno, type Libc, type NativeMemory } from '../../native/libc.js';

const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | O_CLOEXEC;
const CLONE_NEWNET = 0x4000_0000;
/** Requests of linux/if_tun.h and linux/sockios.h. */
const TUNSETIFF = 0x4004_54ca;
const TUNSETOFFLOAD = 0x4004_54d0;
const TUNSETVNETHDRSZ = 0x4004_54d8;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const SIOCSIFMTU = 0x8922;
const SIOCSIFHWADDR = 0x8924;
/** IFF_TAP, IFF_NO_PI, IFF_VNET_HDR. */
const TAP_FLAGS = 0x0002 | 0x1000 | 0x4000;
/** TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6: what we take from the kernel. What it takes from us it says by not refusing it. */
const TAKEN_OFFLOADS = 0x01 | 0x02 | 0x04;
const IFF_UP = 1;
const ARPHRD_ETHER = 1;
/** struct ifreq: a name, then a union (netdevice(7)). */
const IFREQ_BYTES = 40;
const IFREQ_VALUE = 16;

export interface TapPlace {
  /** Kernel name of the device, at most 15 characters. */
  readonly interfaceName: string;
  /** Path of the network namespace that it is made in; absent: the fabric's own. */
  readonly namespacePath?: string;
}

export interface TapIdentity {
  /** 6 bytes. */
  readonly mac: Uint8Array;
  readonly mtuBytes: number;
}

export class TapDevice {
  readonly fd: number;
  readonly #libc: Libc;
  readonly #place: TapPlace;
  readonly #request: NativeMemory;
  /** A socket of the device's namespace, by which its settings are changed. */
  readonly #socket: number;

  /** Makes the device, up. @throws PasserelleError `fabric/tap-refused`. */
  constructor(libc: Libc, place: TapPlace, identity: TapIdentity) {
    this.#libc = libc;
    this.#place = place;
    this.#request = libc.allocate(IFREQ_BYTES);
    [this.fd, this.#socket] = this.#within(place.namespacePath, () => [
      this.#check(libc.open('/dev/net/tun', O_RDWR | O_NONBLOCK | O_CLOEXEC), 'open /dev/net/tun'),
      this.#check(libc.socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0), 'socket'),
    ]);
    try {
      this.#set(this.fd, TUNSETIFF, 'TUNSETIFF', (value) => value.writeUInt16LE(TAP_FLAGS, 0));
      this.#request.bytes.writeInt32LE(VIRTIO_NET_HEADER_BYTES, 0);
      this.#check(libc.ioctl(this.fd, TUNSETVNETHDRSZ, this.#request.address), 'TUNSETVNETHDRSZ');
      this.#check(libc.ioctl(this.fd, TUNSETOFFLOAD, TAKEN_OFFLOADS), 'TUNSETOFFLOAD');
      this.identify(identity);
      this.#set(this.#socket, SIOCGIFFLAGS, 'SIOCGIFFLAGS');
      const flags = this.#request.bytes.readUInt16LE(IFREQ_VALUE);
      this.#set(this.#socket, SIOCSIFFLAGS, 'SIOCSIFFLAGS', (value) =>
        value.writeUInt16LE(flags | IFF_UP, 0),
      );
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Gives the device its MAC and MTU. @throws PasserelleError `fabric/tap-refused`. */
  identify({ mac, mtuBytes }: TapIdentity): void {
    this.#set(this.#socket, SIOCSIFHWADDR, 'SIOCSIFHWADDR', (value) => {
      value.writeUInt16LE(ARPHRD_ETHER, 0);
      value.set(mac, 2);
    });
    this.#set(this.#socket, SIOCSIFMTU, 'SIOCSIFMTU', (value) => value.writeInt32LE(mtuBytes, 0));
  }

  close(): void {
    this.#libc.close(this.fd);
    this.#libc.close(this.#socket);
  }

  #set(fd: number, request: number, what: string, fill?: (value: Buffer) => void): void {
    const { bytes, address } = this.#request;
    bytes.fill(0);
    bytes.write(this.#place.interfaceName, 0, IFREQ_VALUE - 1, 'latin1');
    fill?.(bytes.subarray(IFREQ_VALUE));
    this.#check(this.#libc.ioctl(fd, request, address), what);
  }

  /** Runs `task` in a namespace: setns(2) moves this thread alone, and nothing else runs on it meanwhile. */
  #within<T>(namespacePath: string | undefined, task: () => T): T {
    if (namespacePath === undefined) return task();
    const own = openSync('/proc/thread-self/ns/net', 'r');
    let other: number;
    try {
      other = openSync(namespacePath, 'r');
    } catch {
      closeSync(own);
      throw this.#refused(`there is no network namespace ${namespacePath}`);
    }
    try {
      this.#check(this.#libc.setns(other, CLONE_NEWNET), `setns ${namespacePath}`);
      try {
        return task();
      } finally {
        this.#check(this.#libc.setns(own, CLONE_NEWNET), 'setns back');
      }
    } finally {
      closeSync(own);
      closeSync(other);
    }
  }

  #check(result: number, what: string): number {
    if (result >= 0) return result;
    const errno = this.#libc.errno();
    const why = errno === Errno.ebusy ? 'it is there already' : getSystemErrorName(-errno);
    throw this.#refused(`${what}: ${why}`);
  }

  #refused(why: string): PasserelleError {
    return new PasserelleError({
      code: 'fabric/tap-refused',
      message: `the kernel makes no tap ${this.#place.interfaceName}: ${why}`,
      fix: 'taps need root or CAP_NET_ADMIN, and /dev/net/tun: run it as root, or leave `attach` out',
    });
  }
}
