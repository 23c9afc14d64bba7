/**
 * A frame's beginning as a whole frame: Open vSwitch looks no further into a packet that is shorter than its IP header says
 * (flow_extract in lib/flow.c), so the header says what is left. Pure.
 */
import { EtherType, readEthernetHeader } from '../../../wire/ethernet.js';
import { IPV4_HEADER_BYTES } from '../../../wire/ipv4.js';
import { IPV6_HEADER_BYTES } from '../../../wire/ipv6.js';

const VLAN_TAG_BYTES = 4;
/** Of the IPv4 header: total length (RFC 791). */
const TOTAL_LENGTH_OFFSET = 2;
/** Of the IPv6 header: payload length (RFC 8200). */
const PAYLOAD_LENGTH_OFFSET = 4;

export function shortened(beginning: Buffer): Buffer {
  const header = readEthernetHeader(beginning, 0, beginning.length);
  if (header === undefined) return beginning;
  let { etherType, payloadOffset: at } = header;
  while (etherType === EtherType.vlan && beginning.length >= at + VLAN_TAG_BYTES) {
    etherType = beginning.readUInt16BE(at + 2);
    at += VLAN_TAG_BYTES;
  }
  const leftBytes = beginning.length - at;
  if (etherType === EtherType.ipv4 && leftBytes >= IPV4_HEADER_BYTES)
    return withLength(beginning, at + TOTAL_LENGTH_OFFSET, leftBytes);
  if (etherType === EtherType.ipv6 && leftBytes >= IPV6_HEADER_BYTES)
    return withLength(beginning, at + PAYLOAD_LENGTH_OFFSET, leftBytes - IPV6_HEADER_BYTES);
  return beginning;
}

function withLength(frame: Buffer, offset: number, mostBytes: number): Buffer {
  if (frame.readUInt16BE(offset) <= mostBytes) return frame;
  const copy = Buffer.from(frame);
  copy.writeUInt16BE(mostBytes, offset);
  return copy;
}
