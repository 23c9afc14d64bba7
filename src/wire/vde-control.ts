/**
 * The control socket of a VDE switch, as `vde_plug`, QEMU and UML speak it (vde2, `struct request_v3`): what a client
 * says first. The switch answers with the address of its own data socket. All of it is in the byte order of the host
 * that both are on; the magic shows which.
 *
 *     0  u32 magic          8  u32 type: low byte 0 (a port) or 1 (port 0), the port's number above it
 *     4  u32 version, 3    12  sockaddr_un of the client's data socket, 110 bytes: u16 family, path[108]
 *                         122  a description, without an end, at most 128 bytes
 */
const MAGIC = 0xfeedface;
const VERSION = 3;
const AF_UNIX = 1;
const PATH_OFFSET = 14;

/** Up to the description. */
export const VDE_REQUEST_BYTES = 122;
export const MAX_VDE_REQUEST_BYTES = VDE_REQUEST_BYTES + 128;
/** A sockaddr_un: what a switch answers. */
export const VDE_ANSWER_BYTES = 110;

export interface VdeRequest {
  /** The client's data socket; absolute. */
  readonly socketPath: string;
  /** What it calls itself, printable; for people. */
  readonly description: string;
}

/** @returns `incomplete` while bytes are missing; undefined for what is no such request. */
export function parseVdeRequest(bytes: Buffer): VdeRequest | 'incomplete' | undefined {
  if (bytes.length > MAX_VDE_REQUEST_BYTES) return undefined;
  if (bytes.length < VDE_REQUEST_BYTES) return 'incomplete';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const isLittle = view.getUint32(0, true) === MAGIC;
  if (!isLittle && view.getUint32(0) !== MAGIC) return undefined;
  if (view.getUint32(4, isLittle) !== VERSION || (view.getUint32(8, isLittle) & 0xff) > 1) return undefined;
  if (view.getUint16(12, isLittle) !== AF_UNIX) return undefined;
  const path = bytes.subarray(PATH_OFFSET, VDE_REQUEST_BYTES);
  const socketPath = path.toString('utf8', 0, Math.max(0, path.indexOf(0)));
  // Neither a relative one, nor one of the abstract namespace, which has no permissions, nor one without an end.
  if (!socketPath.startsWith('/')) return undefined;
  const [said = ''] = bytes.toString('latin1', VDE_REQUEST_BYTES).split('\0');
  return { socketPath, description: said.replaceAll(/[^\x20-\x7e]/g, '?').trim() };
}
