import { createInbox, type Msg, type NatsConnection, type Subscription } from "@nats-io/transport-node";

import { Header } from "./header.js";
import type { Link } from "./link.js";
import type { Slots } from "./slots.js";

/** How long the server keeps a pull, in nanoseconds as the wire has it, and in milliseconds. */
const expiresNanoseconds = 5_000_000_000;
const expires = expiresNanoseconds / 1e6;

/** How much longer the end of a pull may be on its way before the pull is forgotten, in milliseconds. */
const grace = 1000;

/** The wait after a pull that was refused, in milliseconds. */
const refusalDelay = 250;

/** A subscription for deliveries and the ends of pulls. Each connection has its own. */
interface Inbox {
  readonly subject: string;
  readonly subscription: Subscription;
}

/** What an open pull may still bring. */
interface Pull {
  left: number;
  readonly timer: NodeJS.Timeout;
}

/**
 * Pulls the messages of one consumer: as many as there are free slots that no earlier pull was promised. While a promise is
 * open the queue can send a call at once, so the next pull waits until a quarter of the slots is free: that makes few
 * pulls of many calls. More than slots are free may come, where those were taken that a pull was promised.
 */
export class Puller {
  #inbox: Inbox;
  /** By their reply subjects, the oldest first. */
  readonly #open = new Map<string, Pull>();
  #promised = 0;
  #pulls = 0;
  #scheduled = false;
  #stopped = false;

  /** deliver gets each message, and takes a slot for it. */
  constructor(
    private readonly nc: NatsConnection,
    private readonly link: Link,
    private readonly subject: string,
    private readonly slots: Slots,
    private readonly deliver: (message: Msg) => void,
    private readonly inboxPrefix: string | undefined,
  ) {
    this.#inbox = this.#subscribe();
    link.onReconnect(() => this.#restart());
    slots.onFree = () => this.#schedule(0);
    this.#schedule(0);
  }

  /** Stops pulling. What was delivered already is passed on; what was only promised goes to another worker. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.link.connected) {
      await this.#inbox.subscription.drain();
    } else {
      this.#inbox.subscription.unsubscribe();
    }
    this.#forgetAll();
  }

  #subscribe(): Inbox {
    const subject = createInbox(this.inboxPrefix);
    const subscription = this.nc.subscribe(`${subject}.*`, {
      callback: (error, message) => {
        if (error === null) {
          this.#receive(message, subject);
        }
      },
    });
    return { subject, subscription };
  }

  /** Pulls anew, to an inbox of its own: the server may have kept the pulls of the lost connection. */
  #restart(): void {
    if (this.#stopped) {
      return;
    }
    const old = this.#inbox;
    this.#forgetAll();
    this.#inbox = this.#subscribe();
    this.#schedule(0);
    void old.subscription.drain();
  }

  #forgetAll(): void {
    for (const pull of this.#open.values()) {
      clearTimeout(pull.timer);
    }
    this.#open.clear();
    this.#promised = 0;
  }

  #receive(message: Msg, inbox: string): void {
    if (message.headers !== undefined && message.headers.code > 0) {
      this.#ended(message, message.headers.code);
    } else if (inbox !== this.#inbox.subject) {
      message.respond("-NAK"); // its slot is promised anew
    } else {
      this.#fulfil(1);
      this.deliver(message);
      if (this.#promised === 0) {
        this.#schedule(0);
      }
    }
  }

  /** Counts deliveries towards the oldest pulls. Others may have brought them, of which the ends of pulls tell. */
  #fulfil(deliveries: number): void {
    for (const [reply, pull] of this.#open) {
      if (deliveries === 0) {
        return;
      }
      const taken = Math.min(pull.left, deliveries);
      pull.left -= taken;
      deliveries -= taken;
      this.#promised -= taken;
      if (pull.left === 0) {
        this.#forget(reply, pull);
      }
    }
  }

  /** Reads the status message that ends a pull. One whose pull is forgotten says what others will not bring. */
  #ended(message: Msg, code: number): void {
    if (code === 100 || !message.subject.startsWith(`${this.#inbox.subject}.`)) {
      return; // a sign of life; the end of a pull on a lost connection
    }
    const pull = this.#open.get(message.subject);
    const left = pull?.left ?? 0;
    if (pull !== undefined) {
      this.#forget(message.subject, pull);
      this.#promised -= left;
    }
    const pending = message.headers?.get(Header.pendingMessages);
    const brought = pending ? left - Number(pending) : 0; // counted towards others, or the reverse
    const [next] = this.#open.values();
    if (brought < 0) {
      this.#fulfil(-brought);
    } else if (next !== undefined) {
      next.left += brought;
      this.#promised += brought;
    }
    this.#schedule(pending ? 0 : refusalDelay);
  }

  #forget(reply: string, pull: Pull): void {
    clearTimeout(pull.timer);
    this.#open.delete(reply);
  }

  /** Pulls once, soon, for all slots that are free by then. */
  #schedule(delay: number): void {
    if (this.#stopped || this.#scheduled) {
      return;
    }
    this.#scheduled = true;
    const pull = () => {
      this.#scheduled = false;
      this.#pull();
    };
    if (delay > 0) {
      setTimeout(pull, delay);
    } else {
      setImmediate(pull);
    }
  }

  #pull(): void {
    const batch = this.slots.free - this.#promised;
    const least = this.#promised > 0 ? Math.max(1, Math.floor(this.slots.count / 4)) : 1;
    if (batch < least || this.#stopped || !this.link.connected) {
      return;
    }
    const reply = `${this.#inbox.subject}.${++this.#pulls}`;
    const timer = setTimeout(() => this.#expired(reply), expires + grace);
    this.#open.set(reply, { left: batch, timer });
    this.#promised += batch;
    this.nc.publish(this.subject, JSON.stringify({ batch, expires: expiresNanoseconds }), { reply });
  }

  /** Forgets a pull whose end was lost: by now it brings nothing. */
  #expired(reply: string): void {
    this.#promised -= this.#open.get(reply)?.left ?? 0;
    this.#open.delete(reply);
    this.#schedule(0);
  }
}
