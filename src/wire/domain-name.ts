/**
 * Domain names as DHCP, DHCPv6 and router advertisements carry them: RFC 1035 section 3.1 labels, one after the other.
 *
 * Compression pointers (RFC 1035 section 4.1.4) are followed on reading, because RFC 3397 allows them in DHCP option
 * 119; they only lead backwards, so reading ends. Writing never compresses: RFC 8415 section 10 and RFC 8106 forbid it,
 * and one or two search domains gain nothing from it.
 */

/** RFC 1035 section 2.3.4. */
const MAX_LABEL_BYTES = 63;
const MAX_NAME_BYTES = 255;
/** More names than a resolver takes are not read: pointers would make a small option a large list. */
const MAX_NAMES = 64;
/** Printable ASCII without the dot: other bytes have no faithful text. */
const LABEL = /^[!-\-/-~]+$/;

/**
 * @param name without or with its final dot; empty: the root.
 * @throws RangeError when a label or the name is longer than DNS allows, or is not ASCII.
 */
export function encodeDomainName(name: string): Buffer {
  const text = name.endsWith('.') ? name.slice(0, -1) : name;
  const labels = text === '' ? [] : text.split('.');
  const parts: Buffer[] = [];
  for (const label of labels) {
    const bytes = Buffer.from(label, 'latin1');
    if (bytes.length > MAX_LABEL_BYTES || !LABEL.test(label)) {
      throw new RangeError(`not a domain name: ${JSON.stringify(name)}`);
    }
    parts.push(Buffer.from([bytes.length]), bytes);
  }
  parts.push(Buffer.from([0]));
  const encoded = Buffer.concat(parts);
  if (encoded.length > MAX_NAME_BYTES) throw new RangeError(`domain name too long: ${encoded.length} bytes`);
  return encoded;
}

/** @returns the names of the list, without final dot; `undefined` when the bytes are not such a list. */
export function decodeDomainNames(bytes: Buffer): string[] | undefined {
  const names: string[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const read = readName(bytes, offset);
    if (read === undefined || names.length === MAX_NAMES) return undefined;
    names.push(read.name);
    offset = read.end;
  }
  return names;
}

function readName(bytes: Buffer, start: number): { name: string; end: number } | undefined {
  const labels: string[] = [];
  let nameBytes = 1;
  let offset = start;
  let earliest = start;
  let end: number | undefined;
  for (;;) {
    const length = bytes[offset];
    if (length === undefined) return undefined;
    if (length === 0) return { name: labels.join('.'), end: end ?? offset + 1 };
    if (length >= 0xc0) {
      const low = bytes[offset + 1];
      if (low === undefined) return undefined;
      const target = ((length & 0x3f) << 8) | low;
      if (target >= earliest) return undefined;
      end ??= offset + 2;
      earliest = target;
      offset = target;
      continue;
    }
    if (length > MAX_LABEL_BYTES || offset + 1 + length > bytes.length) return undefined;
    const label = bytes.toString('latin1', offset + 1, offset + 1 + length);
    nameBytes += length + 1;
    if (nameBytes > MAX_NAME_BYTES || !LABEL.test(label)) return undefined;
    labels.push(label);
    offset += length + 1;
  }
}
