/**
 * DHCPv6 messages between client and server (RFC 8415 sections 8 and 21), without judgement of what they ask.
 *
 * A message is a type, a transaction and options; options hold options, read with the same `decodeDhcpv6Options`.
 * Relay messages are another format and no message here. An option that runs past its end makes the whole malformed.
 */
export const DHCPV6_SERVER_PORT = 547;
export const DHCPV6_CLIENT_PORT = 546;

export const Dhcpv6MessageType = {
  solicit: 1,
  advertise: 2,
  request: 3,
  confirm: 4,
  renew: 5,
  rebind: 6,
  reply: 7,
  release: 8,
  decline: 9,
  reconfigure: 10,
  informationRequest: 11,
  relayForward: 12,
  relayReply: 13,
} as const;

/** One option; `value` is what follows code and length. */
export interface Dhcpv6Option {
  readonly code: number;
  readonly value: Buffer;
}

export interface Dhcpv6Message {
  readonly type: number;
  /** 24 bits, chosen by the client. */
  readonly transactionId: number;
  readonly options: readonly Dhcpv6Option[];
}

const HEADER_BYTES = 4;
const OPTION_HEADER_BYTES = 4;

/** @returns the message, or `undefined` when the bytes are none. Values are copies. */
export function decodeDhcpv6(bytes: Buffer): Dhcpv6Message | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const type = bytes.readUInt8(0);
  if (type === Dhcpv6MessageType.relayForward || type === Dhcpv6MessageType.relayReply) return undefined;
  const options = decodeDhcpv6Options(Buffer.from(bytes.subarray(HEADER_BYTES)));
  return options === undefined ? undefined : { type, transactionId: bytes.readUIntBE(1, 3), options };
}

/** @returns views into `bytes`; `undefined` when an option runs past the end. */
export function decodeDhcpv6Options(bytes: Buffer): Dhcpv6Option[] | undefined {
  const options: Dhcpv6Option[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const start = offset + OPTION_HEADER_BYTES;
    if (start > bytes.length) return undefined;
    const end = start + bytes.readUInt16BE(offset + 2);
    if (end > bytes.length) return undefined;
    options.push({ code: bytes.readUInt16BE(offset), value: bytes.subarray(start, end) });
    offset = end;
  }
  return options;
}

export function encodeDhcpv6(message: Dhcpv6Message): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(message.type, 0);
  header.writeUIntBE(message.transactionId, 1, 3);
  return Buffer.concat([header, encodeDhcpv6Options(message.options)]);
}

export function encodeDhcpv6Options(options: readonly Dhcpv6Option[]): Buffer {
  return Buffer.concat(
    options.flatMap(({ code, value }) => {
      const header = Buffer.alloc(OPTION_HEADER_BYTES);
      header.writeUInt16BE(code, 0);
      header.writeUInt16BE(value.length, 2);
      return [header, value];
    }),
  );
}
