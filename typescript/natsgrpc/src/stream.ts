import { headers as newHeaders, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";

import { Code } from "./code.js";
import { compress, expand } from "./compress.js";
import { decodeFrame, encodeCredit, encodeFrame, type Frame, type FrameKind, readNumber } from "./frame.js";
import { Header, headerBytes, maxHeaderBytes, metadataPrefix, putMetadata, putStatus, trailerPrefix } from "./header.js";
import { Inbound } from "./inbound.js";
import type { Metadata } from "./metadata.js";
import { Outbound } from "./outbound.js";
import { maxPayload } from "./parts.js";
import { reasoned, StatusError, withoutDetails } from "./status.js";

/** How often an end says that it lives, and how long it waits for the other's word, in milliseconds. */
const pingInterval = 1500;
const silence = 5000;

/** Where a stream's frames go and what they are. */
export interface StreamConfig {
  readonly nc: NatsConnection;
  /** The client's rep subject, and this end's str subject. */
  readonly to: string;
  readonly from: string;
  readonly encoding: string;
  /** The most bytes of a message. */
  readonly limit: number;
  /** Header metadata, sent before the first message. */
  readonly header: Metadata;
  /** Ends the handler. */
  readonly abort: (reason: StatusError) => void;
}

/** The server's end of a stream. */
export class Stream {
  readonly #in: Inbound;
  readonly #out: Outbound;
  #sent = 0;
  #received = 0;
  #headerSent = false;
  #over = false;
  #heard = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #settleClaim: ((claimed: boolean) => void) | undefined;

  constructor(private readonly config: StreamConfig) {
    this.#in = new Inbound(config.limit, () => this.#ping());
    this.#out = new Outbound(Outbound.partBytes(maxPayload(config.nc)), (kind, body) => this.#send(kind, body));
  }

  /**
   * Claims the stream for this server, while ack settles its opening. It returns whether the client has sent its first frame
   * and ack has succeeded in time, in milliseconds.
   */
  async claim(ack: () => Promise<boolean>, time: number): Promise<boolean> {
    const heard = new Promise<boolean>((resolve) => (this.#settleClaim = resolve));
    const timer = setTimeout(() => this.#settleClaim?.(false), time);
    this.#ping();
    const [acked, answered] = await Promise.all([ack(), heard]);
    clearTimeout(timer);
    if (this.#over || !acked || !answered) {
      return false;
    }
    this.#heard = performance.now();
    this.#timer = setInterval(() => this.#live(), pingInterval);
    return true;
  }

  /** Takes what was sent to the stream. */
  receive(message: Msg): void {
    if (message.headers !== undefined && message.headers.code > 0) {
      this.#settleClaim?.(false); // nobody listens for the claim
      return;
    }
    const frame = decodeFrame(message.data);
    if (frame === undefined || this.#over) {
      return;
    }
    this.#heard = performance.now();
    try {
      if (this.#take(frame)) {
        this.#settleClaim?.(true);
      } else {
        this.break();
      }
    } catch (error) {
      this.end(error as StatusError);
      this.#stop(error as StatusError);
    }
  }

  /** The messages of the client, as they come. */
  async *messages(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let data = await this.#in.next(); data !== undefined; data = await this.#in.next()) {
      yield await expand(data, this.config.encoding, this.config.limit);
    }
  }

  /** Sends the header, empty if need be, if that was not done before. */
  sendHeader(): void {
    if (this.#headerSent || this.#over) {
      return;
    }
    this.#headerSent = true;
    const headers = newHeaders();
    putMetadata(headers, metadataPrefix, this.config.header);
    if (this.config.encoding !== "") {
      headers.set(Header.encoding, this.config.encoding);
    }
    if (headerBytes(headers) > maxHeaderBytes) {
      throw reasoned(Code.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE", `the header has more than ${maxHeaderBytes} bytes`);
    }
    this.#send("H", new Uint8Array(), headers);
  }

  /** Sends a message, when the client has credit for it. */
  async send(data: Uint8Array): Promise<void> {
    this.sendHeader();
    await this.#out.message(await compress(data, this.config.encoding));
  }

  /** Ends the stream, with a status or OK. Only the first end counts. */
  end(status: StatusError | undefined, trailer?: Metadata): void {
    if (this.#over) {
      return;
    }
    try {
      if (!this.config.header.empty) {
        this.sendHeader();
      }
    } catch (error) {
      status ??= error as StatusError;
    }
    let headers = newHeaders();
    if (status !== undefined) {
      putStatus(headers, status);
    }
    if (trailer !== undefined) {
      putMetadata(headers, trailerPrefix, trailer);
    }
    if (headerBytes(headers) > maxHeaderBytes) {
      headers = newHeaders();
      putStatus(headers, withoutDetails(status, "trailer"));
    }
    this.#send("E", new Uint8Array(), headers);
    this.#close();
  }

  /** Takes the stream back before its handler has run. */
  reset(status: StatusError | undefined): void {
    if (this.#over) {
      return;
    }
    const headers = newHeaders();
    if (status !== undefined) {
      putStatus(headers, status);
    }
    this.config.nc.publish(this.config.to, encodeFrame("R", 0), { headers, reply: this.config.from });
    this.#close();
  }

  #take(frame: Frame): boolean {
    switch (frame.kind) {
      case "P": {
        const credit = readNumber(frame.body, 8);
        if (credit === undefined || frame.number !== this.#received) {
          return false;
        }
        this.#out.raise(credit);
        return true;
      }
      case "R":
        this.#close();
        this.#stop(new StatusError(Code.CANCELLED, "the caller has left"));
        return true;
      case "M":
      case "C":
        return frame.number === ++this.#received && this.#in.part(frame);
      case "E":
        return frame.number === ++this.#received && this.#in.close();
      case "H":
        return false;
    }
  }

  /** Says that this end lives, and looks whether the other does. */
  #live(): void {
    if (performance.now() - this.#heard > silence) {
      this.break();
    } else {
      this.#ping();
    }
  }

  /** Ends the handler and whatever it waits for. */
  #stop(reason: StatusError): void {
    this.fail(reason);
    this.config.abort(reason);
  }

  /** Ends the stream whose other end is lost, or that this end leaves. */
  break(): void {
    const status = reasoned(Code.UNAVAILABLE, "STREAM_BROKEN", "the stream is broken");
    this.end(status);
    this.#stop(status);
  }

  /** Ends what the handler waits for. */
  fail(reason: Error): void {
    this.#in.fail(reason);
    this.#out.fail(reason);
  }

  #close(): void {
    this.#over = true;
    clearInterval(this.#timer);
    this.#settleClaim?.(false);
  }

  #ping(): void {
    if (!this.#over) {
      this.config.nc.publish(this.config.to, encodeFrame("P", this.#sent, encodeCredit(this.#in.credit)), { reply: this.config.from });
    }
  }

  #send(kind: FrameKind, body: Uint8Array, headers?: MsgHdrs): void {
    if (!this.#over) {
      this.config.nc.publish(this.config.to, encodeFrame(kind, ++this.#sent, body), headers === undefined ? {} : { headers });
    }
  }
}
