import type { Msg } from "@nats-io/transport-node";

import { Offers } from "./offers.js";
import { Puller } from "./puller.js";
import type { Delivery } from "./request.js";
import { Slots } from "./slots.js";
import { Strays } from "./strays.js";
import { Task, type TaskQueue } from "./task.js";

/** How many answers of a queue may be on their way to their acks for each of its slots, before a slot stays taken. */
const settlingPerSlot = 16;

/** Works on one queue: it runs what it pulls and what is handed over to it, each in a slot, and hands over what it does not know. */
export class Worker {
  readonly #running = new Map<Task, Promise<void>>();
  readonly #slots: Slots;
  readonly #puller: Puller;
  readonly #offers: Offers;
  readonly #strays: Strays;
  #settling = 0;

  /** inboxPrefix is what the replies' subjects begin with, where it is not the client library's own. */
  constructor(
    private readonly queue: TaskQueue,
    slots: number,
    inboxPrefix: string | undefined,
  ) {
    const { js, link, stream, consumer } = queue;
    this.#slots = new Slots(slots);
    this.#strays = new Strays(queue);
    this.#offers = new Offers(queue, this.#slots, (delivery, confirmed) => this.#takeOver(delivery, confirmed));
    this.#puller = new Puller(js.nc, link, js.next(stream, consumer), this.#slots, (message) => this.#take(message), inboxPrefix);
  }

  /** Takes no more, but what was promised or offered a slot. */
  async stop(): Promise<void> {
    this.#strays.stop();
    await Promise.all([this.#puller.stop(), this.#offers.stop()]);
  }

  /** Resolves, after stop, when the worker has no call any more. */
  async finished(): Promise<void> {
    await this.#offers.ended();
    await Promise.all(this.#running.values());
  }

  /** Gives up what it has. */
  leave(): void {
    for (const task of this.#running.keys()) {
      task.leave();
    }
  }

  /** Takes nothing that is handed over any more. */
  close(): void {
    this.#offers.close();
  }

  /** Takes a delivery, which waits for a slot where its own was offered to another server meanwhile. */
  #take(message: Msg): void {
    const task = Task.take(this.queue, message);
    if (task !== undefined) {
      this.#keep(task, this.#slots.acquire().then(() => this.#run(task)));
    }
  }

  /** Takes what was handed over, with a slot. */
  #takeOver(delivery: Delivery, confirmed: number): void {
    const task = Task.takeOver(this.queue, delivery, confirmed);
    if (task === undefined) {
      this.#slots.release();
    } else {
      this.#keep(task, this.#run(task));
    }
  }

  #keep(task: Task, done: Promise<void>): void {
    this.#running.set(task, done
      .catch((error: Error) => this.queue.logger.error("a call was lost", { ...task.fields, error: error.stack }))
      .finally(() => this.#running.delete(task)));
  }

  /** Runs a call that has a slot. */
  async #run(task: Task): Promise<void> {
    let taken = true;
    const release = () => {
      if (taken) {
        taken = false;
        this.#slots.release();
      }
    };
    this.#settling++;
    let known: boolean;
    try {
      known = await task.run(() => this.#settling <= this.#slots.count * settlingPerSlot && release());
    } finally {
      this.#settling--;
      release();
    }
    if (!known) {
      await task.handOn(this.#strays);
    }
  }
}
