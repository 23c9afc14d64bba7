/**
 * Frames into the standard input of a `vde_plug`.
 *
 * vde_plug reads its input in pieces of any size and loses its place when a piece ends after the first byte of a length
 * (libvdeplug 4.0.1, vdestream_recv): from there on it sends garbage into the network. Its pieces are of even size, or as
 * much as the pipe holds; when everything written to the pipe is of even size too, no piece ends between two bytes of a
 * length. So a frame of odd size is made one byte longer. What follows a packet in its frame is padding and nobody reads
 * it (RFC 894, RFC 1042).
 */
import { encodeStreamFrame, VDE_FRAMING } from '../../../clients/vde/stream-frames.js';

/** @returns undefined for a frame that vde_plug would not take. */
export function encodeEvenFrame(frame: Buffer): Buffer | undefined {
  const isOdd = frame.length % 2 === 1;
  if (frame.length + (isOdd ? 1 : 0) > VDE_FRAMING.maxFrameBytes) return undefined;
  return encodeStreamFrame(isOdd ? Buffer.concat([frame, PADDING]) : frame);
}

const PADDING = Buffer.alloc(1);
