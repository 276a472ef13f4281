import { createHash } from "node:crypto";

import { fromBinary, type Message } from "@bufbuild/protobuf";
import type { Msg, MsgHdrs } from "@nats-io/transport-node";

import { Code } from "./code.js";
import { expand } from "./compress.js";
import type { Kind } from "./delivery.js";
import { Header, metadataPrefix, takeMetadata } from "./header.js";
import type { Metadata } from "./metadata.js";
import type { ServedMethod } from "./service.js";
import { StatusError } from "./status.js";
import type { Stream } from "./stream.js";

/** The version of the wire that this package speaks, and of streams' frames. */
export const wireVersion = "1";

/** A request as a queue delivers it; reply is the subject of its acks. */
export interface Delivery extends Pick<Msg, "subject" | "data"> {
  readonly reply: string;
  readonly headers: MsgHdrs | undefined;
}

/** The version of the wire of a request as a token, of its headers of the version and of the stream; "" for none. */
export function versionOf(version: string, stream: string): string {
  return (version || wireVersion) + (stream === "" ? "" : `-${stream}`);
}

/** The compression of a request's bodies, "" for none. */
export function encodingOf(headers: MsgHdrs): string {
  const encoding = headers.get(Header.encoding);
  return encoding === "identity" ? "" : encoding;
}

/** Whether an answer would go where answers to this call go, and nowhere else. service is the token of the call's. */
export function mayReply(headers: MsgHdrs, service: string, kind: Kind, id: string): boolean {
  const tokens = headers.get(Header.replyTo).split(".");
  const isReply = tokens.length === 4 && tokens[1] === service && tokens.every((token) => /^[\x21-\x7e]{1,128}$/.test(token) && !/[*>]/.test(token));
  return isReply && (kind === "qry" || headers.has(Header.stream) ? tokens[0] === "rep" : tokens[0] === "rsp" && tokens[2] === id);
}

/** Expands the body of a request. It throws the status for the caller. limit is in bytes. */
export async function expandBody(headers: MsgHdrs, body: Uint8Array, limit: number): Promise<Uint8Array> {
  if (body.length > limit) {
    throw new StatusError(Code.RESOURCE_EXHAUSTED, `grpc: received message larger than max (${body.length} vs. ${limit})`);
  }
  const expanded = await expand(body, encodingOf(headers), limit);
  const digest = headers.get(Header.digest);
  if (digest !== "" && digest !== digestOf(expanded)) {
    throw new StatusError(Code.INTERNAL, "the body of the request is not the one of its digest");
  }
  return expanded;
}

/** Decodes a message. It throws the status for the caller. */
export function decode(method: ServedMethod, data: Uint8Array): Message {
  try {
    return fromBinary(method.desc.input, data);
  } catch (error) {
    throw new StatusError(Code.INTERNAL, `grpc: failed to unmarshal the received message: ${(error as Error).message}`);
  }
}

/** The messages of a stream as a handler gets them. */
export async function* decoded(stream: Stream, method: ServedMethod): AsyncGenerator<Message, void, undefined> {
  for await (const data of stream.messages()) {
    yield decode(method, data);
  }
}

/** When a caller gives up, in milliseconds since the Unix epoch; undefined for never. It throws an Error that names the header. */
export function parseDeadline(text: string): number | undefined {
  if (text === "") {
    return undefined;
  }
  if (!/^-?\d{1,19}$/.test(text)) {
    throw new Error(`header ${Header.deadline}: not a number of nanoseconds: ${JSON.stringify(text)}`);
  }
  return Number(BigInt(text) / 1000n) / 1000;
}

/** The SHA-256 of an encoded message, in base64 without padding. */
function digestOf(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("base64").replace(/=+$/, "");
}

/** What the caller sent. It throws the status for the caller. */
export function takeHeaderMetadata(headers: MsgHdrs): Metadata {
  try {
    return takeMetadata(headers, metadataPrefix);
  } catch (error) {
    throw new StatusError(Code.INTERNAL, (error as Error).message);
  }
}
