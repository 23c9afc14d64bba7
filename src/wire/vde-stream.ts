/**
 * Frames on a byte stream: a big-endian length, then an Ethernet frame without FCS. `vde_plug` has two bytes of length on
 * its standard input and output, QEMU has four on a socket. A length of zero is no frame.
 */
export interface StreamFraming {
  readonly headerBytes: 2 | 4;
  readonly maxFrameBytes: number;
}

/** VDE_ETHBUFSIZE of libvdeplug 4: a jumbo frame of 9216 bytes with its header and a VLAN tag. */
export const VDE_FRAMING: StreamFraming = { headerBytes: 2, maxFrameBytes: 9_234 };
/** NET_BUFSIZE of QEMU. */
export const QEMU_FRAMING: StreamFraming = { headerBytes: 4, maxFrameBytes: 69_632 };

/** Both addresses and the type. */
export const MIN_FRAME_BYTES = 14;

/** The frame with its length before it. @throws RangeError for what the other side would not take. */
export function encodeStreamFrame(frame: Uint8Array, framing: StreamFraming = VDE_FRAMING): Buffer {
  const { headerBytes, maxFrameBytes } = framing;
  if (frame.length < MIN_FRAME_BYTES || frame.length > maxFrameBytes) {
    throw new RangeError(`no frame: ${frame.length} bytes`);
  }
  const framed = Buffer.allocUnsafe(headerBytes + frame.length);
  framed.writeUIntBE(frame.length, 0, headerBytes);
  framed.set(frame, headerBytes);
  return framed;
}

/**
 * A frame for the standard input of a `vde_plug`.
 *
 * vde_plug reads its input in pieces of any size and loses its place when a piece ends after the first byte of a length
 * (libvdeplug 4.0.1, vdestream_recv): from there on it sends garbage into the network. Its pieces are of even size, or as
 * much as the pipe holds; when everything written to the pipe is of even size too, no piece ends between two bytes of a
 * length. So a frame of odd size is made one byte longer. What follows a packet in its frame is padding and nobody reads
 * it (RFC 894, RFC 1042).
 * @returns undefined for a frame that vde_plug would not take.
 */
export function encodeEvenFrame(frame: Uint8Array): Buffer | undefined {
  const { headerBytes, maxFrameBytes } = VDE_FRAMING;
  const evenBytes = frame.length + (frame.length % 2);
  if (frame.length < MIN_FRAME_BYTES || evenBytes > maxFrameBytes) return undefined;
  const framed = Buffer.alloc(headerBytes + evenBytes);
  framed.writeUIntBE(evenBytes, 0, headerBytes);
  framed.set(frame, headerBytes);
  return framed;
}

/** Cuts a stream into frames. Holds at most one frame; runts are dropped. */
export class StreamFrameReader {
  readonly #onFrame: (frame: Buffer) => void;
  readonly #framing: StreamFraming;
  #rest: Buffer = Buffer.alloc(0);

  /** @param onFrame its bytes are good only during the call. */
  constructor(onFrame: (frame: Buffer) => void, framing: StreamFraming = VDE_FRAMING) {
    this.#onFrame = onFrame;
    this.#framing = framing;
  }

  /** @returns false when a length is impossible: the stream is out of step and of no more use. */
  push(chunk: Buffer): boolean {
    const { headerBytes, maxFrameBytes } = this.#framing;
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let position = 0;
    while (bytes.length - position >= headerBytes) {
      const length = bytes.readUIntBE(position, headerBytes);
      if (length > maxFrameBytes) return false;
      const next = position + headerBytes + length;
      if (next > bytes.length) break;
      if (length >= MIN_FRAME_BYTES) this.#onFrame(bytes.subarray(position + headerBytes, next));
      position = next;
    }
    // A copy: the chunk belongs to the stream.
    this.#rest = Buffer.from(bytes.subarray(position));
    return true;
  }
}
