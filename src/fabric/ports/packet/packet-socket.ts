/**
 * A NIC of the host as a port of ours, by a packet socket (packet(7)): what the NIC receives is read, frames are written
 * to it, and nothing of the host is changed but the NIC's promiscuous mode, which ends with the socket.
 *
 * Each frame stands behind a virtio_net_hdr (PACKET_VNET_HDR), as at a tap, so that what the NIC's driver has put together
 * (GRO) comes and goes whole. The kernel takes VLAN tags out of frames and says so beside them (PACKET_AUXDATA): a frame
 * that had one is not of this LAN.
 */
import { getSystemErrorName } from 'node:util';
import { PasserelleError } from '../../../errors.js';
import type { Libc, NativeMemory } from '../../native/libc.js';

const AF_PACKET = 17;
/** SOCK_RAW, SOCK_NONBLOCK, SOCK_CLOEXEC. */
const SOCKET_TYPE = 3 | 0o4000 | 0o2000000;
const ETH_P_ALL = 3;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const SOL_PACKET = 263;
/** linux/if_packet.h. */
const PACKET_ADD_MEMBERSHIP = 1;
const PACKET_AUXDATA = 8;
const PACKET_VNET_HDR = 15;
const PACKET_IGNORE_OUTGOING = 23;
const PACKET_MR_PROMISC = 1;
const TP_STATUS_VLAN_VALID = 1 << 4;
/** struct virtio_net_hdr without the count of buffers that virtqueues have. */
export const PACKET_HEADER_BYTES = 10;
/** For bursts while the event loop is busy. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** struct msghdr, two of struct iovec, and room for one struct tpacket_auxdata behind its cmsghdr. */
const MESSAGE_BYTES = 56;
const RANGES_BYTES = 32;
const CONTROL_BYTES = 40;
const CONTROL_DATA = 16;
const TWO_POW_32 = 0x1_0000_0000;

export class PacketSocket {
  readonly fd: number;
  /** The header of the frame that was read last, or is to be written. */
  readonly header: Buffer;
  readonly #libc: Libc;
  readonly #message: NativeMemory;
  readonly #ranges: NativeMemory;
  readonly #control: NativeMemory;

  /** @throws PasserelleError `fabric/uplink-refused`. */
  constructor(libc: Libc, device: string, interfaceIndex: number) {
    this.#libc = libc;
    const header = libc.allocate(PACKET_HEADER_BYTES + 2);
    this.header = header.bytes;
    this.#message = libc.allocate(MESSAGE_BYTES);
    this.#ranges = libc.allocate(RANGES_BYTES);
    this.#control = libc.allocate(CONTROL_BYTES);
    const message = this.#message.bytes;
    writeAddress(message, 16, this.#ranges.address);
    message.writeUInt32LE(2, 24);
    writeAddress(message, 32, this.#control.address);
    this.#setRange(0, header.address, PACKET_HEADER_BYTES);
    const check = (result: number, what: string): number => {
      if (result >= 0) return result;
      throw uplinkRefused(device, `${what}: ${getSystemErrorName(-libc.errno())}`);
    };
    // Of no protocol yet: nothing is received before it is bound to the NIC.
    this.fd = check(libc.socket(AF_PACKET, SOCKET_TYPE, 0), 'socket');
    try {
      for (const option of [PACKET_AUXDATA, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING])
        check(
          this.#set(SOL_PACKET, option, 4, (value) => value.writeInt32LE(1)),
          `PACKET option ${option}`,
        );
      this.#set(SOL_SOCKET, SO_RCVBUFFORCE, 4, (value) => value.writeInt32LE(RECEIVE_BUFFER_BYTES));
      const address = libc.allocate(20);
      address.bytes.writeUInt16LE(AF_PACKET, 0);
      address.bytes.writeUInt16BE(ETH_P_ALL, 2);
      address.bytes.writeInt32LE(interfaceIndex, 4);
      check(libc.bind(this.fd, address.address, 20), 'bind');
      const promiscuous = this.#set(SOL_PACKET, PACKET_ADD_MEMBERSHIP, 16, (value) => {
        value.writeInt32LE(interfaceIndex, 0);
        value.writeUInt16LE(PACKET_MR_PROMISC, 4);
      });
      check(promiscuous, 'promiscuous mode');
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#libc.close(this.fd);
  }

  /** Reads one frame to an address. @returns its bytes and the header's; negative when there is none. */
  read(address: number, byteCount: number): number {
    this.#setRange(1, address, byteCount);
    this.#message.bytes.writeUInt32LE(CONTROL_BYTES, 40);
    this.#control.bytes.fill(0);
    return this.#libc.recvmsg(this.fd, this.#message.address, 0);
  }

  /** Whether the frame that was read last had a VLAN tag. */
  get wasTagged(): boolean {
    return (this.#control.bytes.readUInt32LE(CONTROL_DATA) & TP_STATUS_VLAN_VALID) !== 0;
  }

  /** Writes one frame behind `header`. @returns whether the NIC took it. */
  write(address: number, byteCount: number): boolean {
    this.#setRange(1, address, byteCount);
    return this.#libc.writev(this.fd, this.#ranges.address, 2) >= 0;
  }

  #set(level: number, option: number, byteCount: number, fill: (value: Buffer) => void): number {
    const { bytes, address } = this.#libc.allocate(byteCount);
    fill(bytes);
    return this.#libc.setsockopt(this.fd, level, option, address, byteCount);
  }

  #setRange(index: number, address: number, byteCount: number): void {
    const { bytes } = this.#ranges;
    writeAddress(bytes, index * 16, address);
    bytes.writeUInt32LE(byteCount, index * 16 + 8);
  }
}

/** Halves, since a 64-bit number would be a BigInt. */
function writeAddress(bytes: Buffer, offset: number, address: number): void {
  bytes.writeUInt32LE(address % TWO_POW_32, offset);
  bytes.writeUInt32LE(Math.floor(address / TWO_POW_32), offset + 4);
}

export function uplinkRefused(device: string, why: string): PasserelleError {
  return new PasserelleError({
    code: 'fabric/uplink-refused',
    message: `${device} cannot be taken as the way to the LAN: ${why}`,
    fix: 'it needs root or CAP_NET_ADMIN and CAP_NET_RAW, and a bridge or a NIC of this host (`ip -br link`)',
  });
}
