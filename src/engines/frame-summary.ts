/**
 * A frame in few words, from its first bytes. Pure, and lenient where `wire` is strict: what is told about here was
 * refused, maybe for being cut short or wrong.
 */
import { formatIpv4, formatIpv6, IPV6_ADDRESS_BYTES } from '../wire/address.js';
import { ARP_BYTES, ArpOperation } from '../wire/arp.js';
import { EtherType, formatMac, readEthernetHeader } from '../wire/ethernet.js';
import { Icmpv6Type, IcmpType } from '../wire/icmp.js';
import { IPV4_HEADER_BYTES, IpProtocol } from '../wire/ipv4.js';
import { IPV6_HEADER_BYTES } from '../wire/ipv6.js';
import { TcpFlag } from '../wire/tcp.js';
import type { PacketSummary } from './contract.js';

const VLAN_TAG_BYTES = 4;
const PORTS_BYTES = 4;
const TCP_FLAGS_OFFSET = 13;

export function summaryOfFrame(bytes: Buffer): PacketSummary {
  const header = readEthernetHeader(bytes, 0, bytes.length);
  if (header === undefined) return { source: '?', target: '?', protocol: 'runt' };
  let { etherType, payloadOffset: at } = header;
  if (etherType === EtherType.vlan && bytes.length >= at + VLAN_TAG_BYTES) {
    etherType = bytes.readUInt16BE(at + 2);
    at += VLAN_TAG_BYTES;
  }
  const left = bytes.length - at;
  const link = { source: formatMac(header.source), target: formatMac(header.destination) };
  if (etherType === EtherType.arp && left >= ARP_BYTES) {
    const isRequest = bytes.readUInt16BE(at + 6) === ArpOperation.request;
    const [sender, asked] = [
      formatIpv4(bytes.readUInt32BE(at + 14)),
      formatIpv4(bytes.readUInt32BE(at + 24)),
    ];
    return {
      ...link,
      protocol: 'arp',
      detail: isRequest ? `who has ${asked}, tell ${sender}` : `${sender} is here`,
    };
  }
  if (etherType === EtherType.ipv4 && left >= IPV4_HEADER_BYTES) {
    const ends = {
      source: formatIpv4(bytes.readUInt32BE(at + 12)),
      target: formatIpv4(bytes.readUInt32BE(at + 16)),
    };
    const isFirst = (bytes.readUInt16BE(at + 6) & 0x1fff) === 0;
    const upper = at + (bytes[at]! & 0xf) * 4;
    return { ...ends, ...upperLayer(bytes, isFirst ? upper : bytes.length, bytes[at + 9]!) };
  }
  if (etherType === EtherType.ipv6 && left >= IPV6_HEADER_BYTES) {
    const ends = {
      source: formatIpv6(bytes, at + 8),
      target: formatIpv6(bytes, at + 8 + IPV6_ADDRESS_BYTES),
    };
    return { ...ends, ...upperLayer(bytes, at + IPV6_HEADER_BYTES, bytes[at + 6]!) };
  }
  return { ...link, protocol: `ethertype 0x${etherType.toString(16).padStart(4, '0')}` };
}

function upperLayer(bytes: Buffer, at: number, protocol: number): Omit<PacketSummary, 'source' | 'target'> {
  const name = Object.entries(IpProtocol).find(([, number]) => number === protocol)?.[0];
  if (name === undefined) return { protocol: `protocol ${protocol}` };
  if (name === 'icmp' || name === 'icmpv6') {
    const types: Readonly<Record<string, number>> = name === 'icmp' ? IcmpType : Icmpv6Type;
    const type = Object.entries(types).find(([, number]) => number === bytes[at])?.[0];
    return { protocol: name, ...(type !== undefined && { detail: kebab(type) }) };
  }
  if (bytes.length < at + PORTS_BYTES) return { protocol: name };
  const ports = { sourcePort: bytes.readUInt16BE(at), targetPort: bytes.readUInt16BE(at + 2) };
  const flags = name === 'tcp' ? flagsText(bytes[at + TCP_FLAGS_OFFSET] ?? 0) : '';
  return { protocol: name, ...ports, ...(flags !== '' && { detail: flags }) };
}

function flagsText(flags: number): string {
  return Object.entries(TcpFlag)
    .flatMap(([name, bit]) => ((flags & bit) === 0 ? [] : [name]))
    .join(',');
}

function kebab(camel: string): string {
  return camel.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
