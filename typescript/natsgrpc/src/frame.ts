/** The most bytes of a message in one frame. */
export const maxPart = 64 << 10;

/** What an end may send before the other has taken anything, and what each frame of a message costs beside its bytes. */
export const initialCredit = 262_144;
export const frameCost = 256;

/** By how much a receiver's credit is to rise before it is told. */
export const creditStep = 65_536;

/** The kinds of frames, as natsgrpc/doc.go names them. */
export type FrameKind = "H" | "M" | "C" | "E" | "P" | "R";

/** A frame of a stream. */
export interface Frame {
  readonly kind: FrameKind;
  readonly number: number;
  /** What follows the number. */
  readonly body: Uint8Array;
}

/** The wire form of a frame: a letter, the number in 8 bytes, and the body. */
export function encodeFrame(kind: FrameKind, number: number, body: Uint8Array = new Uint8Array()): Uint8Array {
  const data = new Uint8Array(9 + body.length);
  data[0] = kind.charCodeAt(0);
  new DataView(data.buffer).setBigUint64(1, BigInt(number));
  data.set(body, 9);
  return data;
}

/** Reads a frame; undefined for what is none. */
export function decodeFrame(data: Uint8Array): Frame | undefined {
  const kind = String.fromCharCode(data[0] ?? 0);
  if (data.length < 9 || !/^[HMCEPR]$/.test(kind)) {
    return undefined;
  }
  const number = Number(new DataView(data.buffer, data.byteOffset).getBigUint64(1));
  return { kind: kind as FrameKind, number, body: data.subarray(9) };
}

/** The body of an M frame: the message's length in 4 bytes and its first part. */
export function firstPart(length: number, part: Uint8Array): Uint8Array {
  const body = new Uint8Array(4 + part.length);
  new DataView(body.buffer).setUint32(0, length);
  body.set(part, 4);
  return body;
}

/** A ping's credit, in 8 bytes. */
export function encodeCredit(credit: number): Uint8Array {
  const body = new Uint8Array(8);
  new DataView(body.buffer).setBigUint64(0, BigInt(credit));
  return body;
}

/** The number in the first bytes of a body; undefined where it is too short. */
export function readNumber(body: Uint8Array, bytes: 4 | 8): number | undefined {
  if (body.length < bytes) {
    return undefined;
  }
  const view = new DataView(body.buffer, body.byteOffset);
  return bytes === 4 ? view.getUint32(0) : Number(view.getBigUint64(0));
}
