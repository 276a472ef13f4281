import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";
import { type MsgHdrs, headers as newHeaders } from "@nats-io/transport-node";

import { Metadata } from "./metadata.js";
import type { StatusError } from "./status.js";

/** The names of the wire's headers. They are case-sensitive. */
export const Header = {
  replyTo: "Natsgrpc-Reply-To",
  deadline: "Natsgrpc-Deadline",
  version: "Natsgrpc-Version",
  stream: "Natsgrpc-Stream",
  digest: "Natsgrpc-Digest",
  parts: "Natsgrpc-Parts",
  backlog: "Natsgrpc-Backlog",
  attempts: "Natsgrpc-Attempts",
  subject: "Natsgrpc-Subject",
  encoding: "Grpc-Encoding",
  status: "Grpc-Status",
  message: "Grpc-Message",
  details: "Grpc-Status-Details-Bin",
  messageId: "Nats-Msg-Id",
  ttl: "Nats-TTL",
  expectedRevision: "Nats-Expected-Last-Subject-Sequence",
  sequence: "Nats-Sequence",
  timestamp: "Nats-Time-Stamp",
  pendingMessages: "Nats-Pending-Messages",
} as const;

export const metadataPrefix = "Md-";
export const trailerPrefix = "Tr-";

/** What a stream takes as the headers of one message, in bytes; that of NATS. */
export const maxHeaderBytes = 65_535;

/** The keys of metadata that gRPC keeps to itself: they are not sent. */
const reserved = new Set(["content-type", "user-agent", "te", "grpc-timeout", "grpc-encoding", "grpc-status", "grpc-message", "grpc-status-details-bin"]);

/** Metadata of the headers with a prefix. It throws an Error that names a header with a malformed value. */
export function takeMetadata(headers: MsgHdrs, prefix: string): Metadata {
  const metadata = new Metadata();
  for (const name of headers.keys()) {
    if (!name.startsWith(prefix)) {
      continue;
    }
    const key = name.slice(prefix.length);
    for (const text of headers.values(name)) {
      try {
        metadata.append(key, key.endsWith("-bin") ? base64Decode(text) : percentDecode(text));
      } catch (error) {
        throw new Error(`header ${name}: ${(error as Error).message}`);
      }
    }
  }
  return metadata;
}

/** Adds metadata to headers under a prefix. */
export function putMetadata(headers: MsgHdrs, prefix: string, metadata: Metadata): void {
  for (const [key, value] of metadata) {
    if (reserved.has(key)) {
      continue;
    }
    headers.append(prefix + key, typeof value === "string" ? percentEncode(value, /%/g) : base64(value));
  }
}

/** Adds a status to headers. */
export function putStatus(headers: MsgHdrs, status: StatusError): void {
  headers.set(Header.status, String(status.code));
  if (status.message !== "") {
    headers.set(Header.message, percentEncode(status.message, /[^\x20-\x24\x26-\x7e]+/g));
  }
  if (status.details.length > 0) {
    headers.set(Header.details, base64(status.encode()));
  }
}

/** Copies headers but some. */
export function copyHeaders(from: MsgHdrs | undefined, without: readonly string[]): MsgHdrs {
  const to = newHeaders();
  for (const name of from?.keys() ?? []) {
    if (!without.includes(name)) {
      for (const value of from?.values(name) ?? []) {
        to.append(name, value);
      }
    }
  }
  return to;
}

/** How many bytes headers take in a message. */
export function headerBytes(headers: MsgHdrs): number {
  let bytes = "NATS/1.0\r\n\r\n".length;
  for (const name of headers.keys()) {
    for (const value of headers.values(name)) {
      bytes += name.length + Buffer.byteLength(value) + ": \r\n".length;
    }
  }
  return bytes;
}

/** Base64 without padding. */
function base64(data: Uint8Array): string {
  return base64Encode(data, "std_raw");
}

/** Encodes what the expression matches, and spaces at both ends, which NATS's clients cut off. */
function percentEncode(text: string, unsafe: RegExp): string {
  return text.replace(unsafe, percentBytes).replace(/^ +| +$/g, percentBytes);
}

function percentBytes(text: string): string {
  return Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}

function percentDecode(text: string): string {
  const malformed = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(text);
  if (malformed !== null) {
    throw new Error(`invalid URL escape ${JSON.stringify(malformed[0])}`);
  }
  return text.includes("%") ? decodeURIComponent(text) : text;
}
