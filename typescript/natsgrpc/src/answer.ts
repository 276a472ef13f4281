import { headers as newHeaders, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";

import { Code } from "./code.js";
import { encodeFrame } from "./frame.js";
import { Header, headerBytes, maxHeaderBytes, metadataPrefix, putMetadata, putStatus, trailerPrefix } from "./header.js";
import { Metadata } from "./metadata.js";
import { maxPayload, type PartsStore } from "./parts.js";
import { reasoned, type StatusError, withoutDetails } from "./status.js";

/** How long the parts of an answer are kept whose method says nothing: as long as RESPONSES keeps answers, in seconds. */
const partsSeconds = 3600;

/** Room in a message for the headers that come last: the backlog's and a TTL. */
const lastHeaders = 256;

/** What a call is answered. */
export interface Answer {
  /** The encoded message, compressed as encoding says. */
  readonly body: Uint8Array;
  readonly status: StatusError | undefined;
  readonly header: Metadata;
  readonly trailer: Metadata;
  readonly encoding: string;
}

/** An answer as it is published. */
export interface AnswerMessage {
  readonly body: Uint8Array;
  readonly headers: MsgHdrs;
}

/** A status as an answer without metadata. */
export function failure(status: StatusError): Answer {
  return { body: new Uint8Array(), status, header: new Metadata(), trailer: new Metadata(), encoding: "" };
}

/** Makes an answer's message, whose body is in parts where it is large. digest is the request's, "" for none. */
export async function pack(nc: NatsConnection, store: PartsStore, answer: Answer, digest: string, keepSeconds: number | undefined): Promise<AnswerMessage> {
  const headers = answerHeaders(answer, digest);
  if (headerBytes(headers) > maxHeaderBytes) {
    return { body: new Uint8Array(), headers: answerHeaders(failure(withoutDetails(answer.status, "answer")), digest) };
  }
  if (answer.body.length + headerBytes(headers) + lastHeaders <= maxPayload(nc)) {
    return { body: answer.body, headers };
  }
  try {
    const parts = await store.write(answer.body, keepSeconds ?? partsSeconds);
    headers.set(Header.parts, `${parts.token} ${parts.count} ${parts.bytes}`);
    return { body: new Uint8Array(), headers };
  } catch (error) {
    const status = reasoned(Code.UNAVAILABLE, "PARTS_LOST", `store the parts of the answer: ${(error as Error).message}`);
    return { body: new Uint8Array(), headers: answerHeaders(failure(status), digest) };
  }
}

/** Makes the frame that ends a stream before it was claimed. */
export function reset(answer: Answer): AnswerMessage {
  const headers = newHeaders();
  if (answer.status !== undefined) {
    putStatus(headers, answer.status);
  }
  return { body: encodeFrame("R", 0), headers };
}

function answerHeaders(answer: Answer, digest: string): MsgHdrs {
  const headers = newHeaders();
  if (answer.status !== undefined) {
    putStatus(headers, answer.status);
  }
  if (answer.encoding !== "" && answer.body.length > 0) {
    headers.set(Header.encoding, answer.encoding);
  }
  if (digest !== "") {
    headers.set(Header.digest, digest);
  }
  putMetadata(headers, metadataPrefix, answer.header);
  putMetadata(headers, trailerPrefix, answer.trailer);
  return headers;
}
