import type { Msg, Subscription } from "@nats-io/transport-node";

import { kindOf } from "./delivery.js";
import { flush } from "./flush.js";
import { type Delivery, versionOf, wireVersion } from "./request.js";
import type { Slots } from "./slots.js";
import { handOverFilter, offerSubject, parseAckSubject, parseHandOver, parseSlotSeek, seekSubject } from "./subject.js";
import type { TaskQueue } from "./task.js";

/** The queue group of the servers that know a method: one of them is asked. */
const seekGroup = "servers";

/** The part of the ack wait for which a slot is kept that was offered. */
export const keptFor = 1 / 5;

/** A number of slots that are kept for a while. */
interface Offer {
  slots: number;
  readonly made: number;
  readonly timer: NodeJS.Timeout;
}

/**
 * The slots that a worker keeps for requests that servers of another version have pulled. Such as a pull was promised may be
 * among them, since an idle worker has promised all.
 */
export class Offers {
  readonly #open = new Map<string, Offer>();
  readonly #seeks: Subscription[] = [];
  readonly #hands: Subscription;
  #made = 0;
  #stopped = false;
  #onEnd: () => void = () => undefined;

  /**
   * take gets each request that is handed over, with a slot, and the time until which, on the clock of performance.now,
   * JetStream is known to have heard of it.
   */
  constructor(
    private readonly queue: TaskQueue,
    private readonly slots: Slots,
    private readonly take: (delivery: Delivery, confirmed: number) => void,
  ) {
    const { service, kind, shard } = queue;
    this.#hands = this.#subscribe(handOverFilter(service.token, service.server, kind, shard), (message) => this.#onHandOver(message));
    for (const { desc, stream } of service.methods.values()) {
      if (kindOf(desc) === kind) {
        const subject = seekSubject(service.token, kind, shard, desc.name, versionOf("", stream === undefined ? "" : wireVersion));
        this.#seeks.push(this.#subscribe(subject, (message) => this.#onSeek(message), seekGroup));
      }
    }
  }

  /** Ends the offering. What was offered is still taken. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.queue.link.connected) {
      await Promise.all(this.#seeks.map((subscription) => subscription.drain()));
    } else {
      this.#seeks.forEach((subscription) => subscription.unsubscribe());
    }
  }

  /** Resolves when no offer is open. There is no other after stop. */
  async ended(): Promise<void> {
    if (this.#open.size > 0) {
      await new Promise<void>((resolve) => (this.#onEnd = resolve));
    }
  }

  /** Takes nothing more. */
  close(): void {
    this.#hands.unsubscribe();
    [...this.#open.keys()].forEach((number) => this.#end(number));
  }

  #subscribe(subject: string, callback: (message: Msg) => void, queue?: string): Subscription {
    return this.queue.js.nc.subscribe(subject, {
      ...(queue === undefined ? {} : { queue }),
      callback: (error, message) => {
        if (error === null) {
          callback(message);
        }
      },
    });
  }

  /** Offers what is free of the slots that another server asks for. */
  #onSeek(message: Msg): void {
    const slots = this.#stopped ? 0 : this.slots.take(parseSlotSeek(message.data));
    if (slots === 0) {
      message.respond(JSON.stringify({ slots }));
      return;
    }
    const number = (++this.#made).toString(36);
    const timer = setTimeout(() => void this.#expire(number), this.queue.ackWait * keptFor);
    this.#open.set(number, { slots, made: performance.now(), timer });
    message.respond(JSON.stringify({ slots, subject: offerSubject(this.queue.service.token, this.queue.service.server, number) }));
  }

  /** Ends an offer when what had come by now is read: the process may just have been kept from reading. */
  async #expire(number: string): Promise<void> {
    const { link, js, ackWait } = this.queue;
    if (link.connected) {
      await flush(js.nc, ackWait).catch(() => undefined); // the connection is lost
    }
    this.#end(number);
  }

  /** Frees what is left of an offer. */
  #end(number: string): void {
    const offer = this.#open.get(number);
    for (let left = offer?.slots ?? 0; left > 0; left--) {
      this.slots.release();
    }
    this.#remove(number, offer);
  }

  #remove(number: string, offer: Offer | undefined): void {
    clearTimeout(offer?.timer);
    this.#open.delete(number);
    if (this.#open.size === 0) {
      this.#onEnd();
    }
  }

  /** Takes a request for which a slot was kept. The queue delivers again what comes too late. */
  #onHandOver(message: Msg): void {
    const { logger, ackWait, stream, consumer } = this.queue;
    const hand = parseHandOver(message.subject);
    const offer = hand === undefined ? undefined : this.#open.get(hand.offer);
    if (hand === undefined || offer === undefined) {
      logger.warn("a call of another server came too late; the queue delivers it again", { subject: message.subject });
      return;
    }
    offer.slots--;
    const ack = parseAckSubject(hand.reply);
    if (ack === undefined || ack.stream !== stream || ack.consumer !== consumer || ack.attempt === 0) {
      logger.error("a call of another server is none of this queue", { subject: message.subject });
      this.slots.release();
    } else {
      // The other has sent it after the offer was made, and had heard of JetStream within half an ack wait.
      this.take({ subject: hand.request, reply: hand.reply, headers: message.headers, data: message.data }, offer.made - ackWait / 2);
    }
    if (offer.slots === 0) {
      this.#remove(hand.offer, offer);
    }
  }
}
