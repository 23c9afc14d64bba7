/**
 * DHCPv4 messages (RFC 2131 section 2), without judgement of what they ask.
 *
 * Options are a map from code to value: values split over several instances are joined (RFC 3396), `file` and `sname`
 * are read as options when option 52 says so (RFC 2132 section 9.3), and values over 255 bytes are split on writing.
 * Limits: a message without the magic cookie (plain BOOTP) or with an option that runs past its field is no message.
 * `sname` and `file` as text are not kept, nothing here boots from the network.
 */

/** Bytes up to and with the magic cookie. */
const HEADER_BYTES = 240;
/** The smallest message a BOOTP relay or client takes (RFC 1542 section 2.1), bytes. */
const MIN_MESSAGE_BYTES = 300;
const MAGIC_COOKIE = 0x63825363;
const SNAME = { start: 44, end: 108 };
const FILE = { start: 108, end: 236 };
const MAX_OPTION_BYTES = 255;
const PAD = 0;
const OVERLOAD = 52;
const END = 255;

export const DHCP_SERVER_PORT = 67;
export const DHCP_CLIENT_PORT = 68;
export const BOOT_REQUEST = 1;
export const BOOT_REPLY = 2;
export const HARDWARE_TYPE_ETHERNET = 1;
/** Bit of `flags`: the client cannot take unicast before it has its address. */
export const BROADCAST_FLAG = 0x8000;

/** Values of option 53 (RFC 2132 section 9.6). */
export const DhcpMessageType = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
} as const;
export type DhcpMessageType = (typeof DhcpMessageType)[keyof typeof DhcpMessageType];

/** One message. Addresses are 32-bit numbers, 0 for none. */
export interface DhcpMessage {
  /** BOOT_REQUEST or BOOT_REPLY. */
  readonly op: number;
  /** IANA ARP hardware type. */
  readonly hardwareType: number;
  /** `chaddr`, at most 16 bytes. */
  readonly hardwareAddress: Buffer;
  readonly hops: number;
  /** Transaction, chosen by the client. */
  readonly xid: number;
  /** Seconds since the client began. */
  readonly secs: number;
  readonly flags: number;
  /** The address the client has and answers for. */
  readonly ciaddr: number;
  /** The address the server gives. */
  readonly yiaddr: number;
  readonly siaddr: number;
  /** The relay that brought the message. */
  readonly giaddr: number;
  /** Code to value, written in the map's order. Codes 1 to 254, except 52. */
  readonly options: ReadonlyMap<number, Buffer>;
}

/** @returns the message, or `undefined` when the bytes are none. Values are copies. */
export function decodeDhcp(bytes: Buffer): DhcpMessage | undefined {
  if (bytes.length < HEADER_BYTES || bytes.readUInt32BE(236) !== MAGIC_COOKIE) return undefined;
  const hardwareBytes = bytes.readUInt8(2);
  if (hardwareBytes > 16) return undefined;
  const parts = new Map<number, Buffer[]>();
  if (!readOptions(bytes.subarray(HEADER_BYTES), parts)) return undefined;
  const overload = parts.get(OVERLOAD)?.[0]?.[0] ?? 0;
  if ((overload & 1) !== 0 && !readOptions(bytes.subarray(FILE.start, FILE.end), parts)) return undefined;
  if ((overload & 2) !== 0 && !readOptions(bytes.subarray(SNAME.start, SNAME.end), parts)) return undefined;
  parts.delete(OVERLOAD);
  const options = new Map<number, Buffer>();
  for (const [code, values] of parts) options.set(code, Buffer.concat(values));
  return {
    op: bytes.readUInt8(0),
    hardwareType: bytes.readUInt8(1),
    hardwareAddress: Buffer.from(bytes.subarray(28, 28 + hardwareBytes)),
    hops: bytes.readUInt8(3),
    xid: bytes.readUInt32BE(4),
    secs: bytes.readUInt16BE(8),
    flags: bytes.readUInt16BE(10),
    ciaddr: bytes.readUInt32BE(12),
    yiaddr: bytes.readUInt32BE(16),
    siaddr: bytes.readUInt32BE(20),
    giaddr: bytes.readUInt32BE(24),
    options,
  };
}

/** Collects the options of one field; false when one runs past its end. A missing end option is forgiven. */
function readOptions(field: Buffer, into: Map<number, Buffer[]>): boolean {
  let offset = 0;
  while (offset < field.length) {
    const code = field.readUInt8(offset);
    if (code === END) return true;
    if (code === PAD) {
      offset += 1;
      continue;
    }
    const length = field[offset + 1];
    const start = offset + 2;
    if (length === undefined || start + length > field.length) return false;
    const value = field.subarray(start, start + length);
    const values = into.get(code);
    if (values === undefined) into.set(code, [value]);
    else values.push(value);
    offset = start + length;
  }
  return true;
}

/** Bytes that an option takes in a message, split as RFC 3396 asks. */
export function dhcpOptionBytes(valueBytes: number): number {
  return valueBytes + 2 * Math.max(1, Math.ceil(valueBytes / MAX_OPTION_BYTES));
}

/** Bytes of a message besides its options: header, cookie and end option. */
export const DHCP_FIXED_BYTES = HEADER_BYTES + 1;

/** @throws RangeError when a field does not fit its width. */
export function encodeDhcp(message: DhcpMessage): Buffer {
  let size = DHCP_FIXED_BYTES;
  for (const value of message.options.values()) size += dhcpOptionBytes(value.length);
  const bytes = Buffer.alloc(Math.max(size, MIN_MESSAGE_BYTES));
  bytes.writeUInt8(message.op, 0);
  bytes.writeUInt8(message.hardwareType, 1);
  if (message.hardwareAddress.length > 16) throw new RangeError('chaddr holds 16 bytes');
  bytes.writeUInt8(message.hardwareAddress.length, 2);
  bytes.writeUInt8(message.hops, 3);
  bytes.writeUInt32BE(message.xid, 4);
  bytes.writeUInt16BE(message.secs, 8);
  bytes.writeUInt16BE(message.flags, 10);
  bytes.writeUInt32BE(message.ciaddr, 12);
  bytes.writeUInt32BE(message.yiaddr, 16);
  bytes.writeUInt32BE(message.siaddr, 20);
  bytes.writeUInt32BE(message.giaddr, 24);
  message.hardwareAddress.copy(bytes, 28);
  bytes.writeUInt32BE(MAGIC_COOKIE, 236);
  let offset = HEADER_BYTES;
  for (const [code, value] of message.options) offset = writeOption(bytes, offset, code, value);
  bytes.writeUInt8(END, offset);
  return bytes;
}

function writeOption(bytes: Buffer, at: number, code: number, value: Buffer): number {
  if (code === PAD || code === OVERLOAD || code >= END)
    throw new RangeError(`not an option to write: ${code}`);
  let offset = at;
  let start = 0;
  do {
    const length = Math.min(MAX_OPTION_BYTES, value.length - start);
    bytes.writeUInt8(code, offset);
    bytes.writeUInt8(length, offset + 1);
    value.copy(bytes, offset + 2, start, start + length);
    start += length;
    offset += 2 + length;
  } while (start < value.length);
  return offset;
}
