/** Datagrams to the guest: built in place where they fit a packet, in fragments otherwise. */
import type { GatewayLink } from '../../gateway/link.js';
import { IpProtocol } from '../../../wire/ipv4.js';
import { setUdpChecksum, UDP_HEADER_BYTES, writeUdpHeader } from '../../../wire/udp.js';
import type { IpPath } from '../ip-path.js';
import { sendPacket } from '../oversize.js';

export function writeDatagram(
  link: GatewayLink,
  mac: number,
  path: IpPath,
  remotePort: number,
  guestPort: number,
  payload: Buffer,
): void {
  const lengthBytes = UDP_HEADER_BYTES + payload.length;
  const packetBytes = path.headerBytes + lengthBytes;
  if (packetBytes <= link.network.mtuBytes) {
    const offset = link.begin(mac, path.etherType, packetBytes);
    fill(link.bytes, offset, path, remotePort, guestPort, payload);
    return;
  }
  const packet = Buffer.allocUnsafe(packetBytes);
  fill(packet, 0, path, remotePort, guestPort, payload);
  sendPacket(link, mac, packet);
}

function fill(
  bytes: Buffer,
  offset: number,
  path: IpPath,
  remotePort: number,
  guestPort: number,
  payload: Buffer,
): void {
  const lengthBytes = UDP_HEADER_BYTES + payload.length;
  const datagram = path.writeHeader(bytes, offset, lengthBytes, IpProtocol.udp);
  payload.copy(bytes, writeUdpHeader(bytes, datagram, remotePort, guestPort, lengthBytes));
  setUdpChecksum(bytes, datagram, datagram + lengthBytes, path.pseudoHeaderSum(IpProtocol.udp, lengthBytes));
}
