/**
 * The fixed parts of a DNS message (RFC 1035 section 4.1): header and first question, read in place.
 *
 * All that the server needs to route a query and to recognise its answer. Records behind the question are not looked
 * at, so whatever a guest or an upstream server puts there passes unread.
 */

export const DNS_HEADER_BYTES = 12;
/** What every client takes over UDP (RFC 1035 section 2.3.4). */
export const CLASSIC_UDP_BYTES = 512;

export const Rcode = { noError: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5 } as const;
export type Rcode = (typeof Rcode)[keyof typeof Rcode];
export const RecordTypeCode = { a: 1, soa: 6, ptr: 12, aaaa: 28, axfr: 252, any: 255 } as const;
export const CLASS_IN = 1;
export const CLASS_ANY = 255;

const QR = 0x8000;
const OPCODE_MASK = 0x7800;
const AA = 0x0400;
const TC = 0x0200;
const RD = 0x0100;
const RA = 0x0080;
const MAX_NAME_BYTES = 255;

/** A question in a message that carries exactly one. */
export interface DnsQuestion {
  /** Lower case, without final dot; a dot inside a label is `\.`, other bytes stand as latin1. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Offset behind the question. */
  readonly end: number;
  /** Equal for equal questions, whatever the case of their letters (0x20 bits). */
  readonly key: string;
}

export function isResponse(bytes: Buffer): boolean {
  return (bytes.readUInt16BE(2) & QR) !== 0;
}

/** 0 for a plain query. */
export function opcodeOf(bytes: Buffer): number {
  return (bytes.readUInt16BE(2) & OPCODE_MASK) >> 11;
}

/** The four bits of the header. */
export function rcodeOf(bytes: Buffer): number {
  return bytes.readUInt16BE(2) & 0xf;
}

export function isTruncated(bytes: Buffer): boolean {
  return (bytes.readUInt16BE(2) & TC) !== 0;
}

/** @returns `undefined` when the message is short, has not one question, or compresses its name. */
export function readQuestion(bytes: Buffer): DnsQuestion | undefined {
  if (bytes.length < DNS_HEADER_BYTES || bytes.readUInt16BE(4) !== 1) return undefined;
  const labels: string[] = [];
  let offset = DNS_HEADER_BYTES;
  for (;;) {
    const length = bytes[offset];
    if (length === undefined || length > 63) return undefined;
    offset += 1;
    if (length === 0) break;
    labels.push(bytes.toString('latin1', offset, offset + length));
    offset += length;
    if (offset - DNS_HEADER_BYTES >= MAX_NAME_BYTES) return undefined;
  }
  const end = offset + 4;
  if (end > bytes.length) return undefined;
  return {
    name: lowerAscii(labels.map((label) => label.replaceAll('.', '\\.')).join('.')),
    type: bytes.readUInt16BE(offset),
    class: bytes.readUInt16BE(offset + 2),
    end,
    key:
      lowerAscii(bytes.toString('latin1', DNS_HEADER_BYTES, offset)) + bytes.toString('latin1', offset, end),
  };
}

/** Only A to Z: other bytes are not letters to DNS (RFC 4343). */
function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Flags of an answer to this query: opcode and RD repeated. */
export function responseFlags(query: Buffer, rcode: Rcode, authoritative: boolean): number {
  const repeated = query.readUInt16BE(2) & (OPCODE_MASK | RD);
  return QR | RA | repeated | rcode | (authoritative ? AA : 0);
}

export const TRUNCATED_FLAG = TC;

/** An answer that says nothing but how it went: header, and the question when there is one. */
export function emptyResponse(query: Buffer, question: DnsQuestion | undefined, rcode: Rcode): Buffer {
  const response = Buffer.alloc(question?.end ?? DNS_HEADER_BYTES);
  query.copy(response, 0, 0, response.length);
  response.writeUInt16BE(responseFlags(query, rcode, false), 2);
  response.writeUInt16BE(question === undefined ? 0 : 1, 4);
  response.fill(0, 6, DNS_HEADER_BYTES);
  return response;
}
