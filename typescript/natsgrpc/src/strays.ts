import { setTimeout as pause } from "node:timers/promises";

import { keptFor } from "./offers.js";
import { parseSlotOffer, seekSubject, type SlotOffer } from "./subject.js";
import type { TaskQueue } from "./task.js";

/** How long a call waits at most for a server that knows its method while none says so, in milliseconds. */
const maxPatience = 30_000;

/** How long a stream's client waits for the claim, in milliseconds. */
const claimTimeout = 10_000;

/** How long another server's offer is waited for, in milliseconds. One that is paused or has just left says nothing. */
const seekTimeout = 250;

/** The pause after an offer of nothing, and the longest while there are offers, and while there are none, in milliseconds. */
const minPause = 5;
const busyPause = 50;
const maxPause = 250;

/** A request in hand whose method, or version of the wire, this server does not know. */
export interface Stray {
  readonly method: string;
  /** That of the request's wire, as a token. */
  readonly version: string;
  readonly opensStream: boolean;
  /** In milliseconds since the Unix epoch; undefined for never. */
  readonly deadline: number | undefined;
  /** Whether the request is still this worker's. */
  readonly held: boolean;
  /** Whether its caller has left. */
  readonly left: boolean;
  /** Gives it to the server that has made an offer, and returns whether it is that server's now. */
  handOver(offer: string): boolean;
}

/**
 * What became of a stray: it is another server's, or lost; or it is to be settled here, since its caller has left, its time is
 * over, no server knows it, or this one stops.
 */
export type Found = "handed over" | "lost" | "left" | "expired" | "unknown" | "stopped";

interface Waiting {
  readonly stray: Stray;
  readonly deadline: number;
  /** On the clock of performance.now. */
  readonly since: number;
  readonly patience: number;
  readonly resolve: (found: Found) => void;
}

/** For how long a call waits, in milliseconds: until its end, and until a server has said that it knows its method. */
export function waitOf(stray: Pick<Stray, "deadline" | "opensStream">, now: number): { end: number; patience: number } {
  const left = stray.deadline === undefined ? Infinity : stray.deadline - now;
  const end = stray.opensStream ? Math.min(left, claimTimeout) : left;
  return { end, patience: Math.min(end / 2, maxPatience) };
}

/** Finds servers that know the calls of one queue that this one does not know. The calls take no slots meanwhile. */
export class Strays {
  /** By where slots for them are sought; what is there is being sought for. */
  readonly #waiting = new Map<string, Set<Waiting>>();
  #stopped = false;

  constructor(private readonly queue: TaskQueue) {}

  /** From now on what no server answers for is given back. */
  stop(): void {
    this.#stopped = true;
  }

  /** Resolves when the call is another server's, or will not be. */
  async find(stray: Stray): Promise<Found> {
    const { service, kind, shard } = this.queue;
    const subject = seekSubject(service.token, kind, shard, stray.method, stray.version);
    const { end, patience } = waitOf(stray, Date.now());
    const since = performance.now();
    return await new Promise<Found>((resolve) => {
      const waiting = { stray, deadline: since + end, since, patience, resolve };
      const others = this.#waiting.get(subject);
      if (others !== undefined) {
        others.add(waiting);
        return;
      }
      const first = new Set([waiting]);
      this.#waiting.set(subject, first);
      void this.#seek(subject, first);
    });
  }

  /** Asks for slots until no call of a method waits. */
  async #seek(subject: string, calls: Set<Waiting>): Promise<void> {
    let answered = -Infinity; // when a server has last said that it knows the method
    for (let next = minPause; calls.size > 0; ) {
      const offer = await this.#ask(subject, calls.size);
      if (offer !== undefined) {
        answered = performance.now();
      }
      let slots = offer?.slots ?? 0;
      const settle = (call: Waiting, found: Found | undefined) => {
        if (found !== undefined) {
          calls.delete(call);
          call.resolve(found);
        }
      };
      for (const call of calls) {
        if (slots > 0 && offer !== undefined && call.stray.handOver(offer.subject)) {
          slots--;
          settle(call, "handed over");
        } else {
          settle(call, this.#over(call, answered, offer === undefined));
        }
      }
      if (slots < (offer?.slots ?? 0)) {
        next = minPause;
        continue;
      }
      next = Math.min(next, offer === undefined ? maxPause : busyPause);
      if (calls.size > 0) {
        await pause(next * (0.8 + 0.4 * Math.random()));
      }
      next *= 2;
    }
    this.#waiting.delete(subject);
  }

  /** Asks one of the servers that know a method. It returns undefined when none answers. */
  async #ask(subject: string, calls: number): Promise<SlotOffer | undefined> {
    const { js, link, service, ackWait } = this.queue;
    if (!link.connected) {
      return undefined; // the question would be sent later, and slots be kept for nobody
    }
    const asked = performance.now();
    try {
      const answer = await js.nc.request(subject, JSON.stringify({ calls }), { timeout: seekTimeout });
      const offer = parseSlotOffer(answer.data, service.token);
      // One that was read late, since something kept the process from reading, may end before a request comes to it.
      return performance.now() - asked < (ackWait * keptFor) / 2 ? offer : { ...offer, slots: 0 };
    } catch {
      return undefined;
    }
  }

  /** Why a call waits no longer, if so. answered is when a server has last answered for its method, silent that none did now. */
  #over({ stray, deadline, since, patience }: Waiting, answered: number, silent: boolean): Found | undefined {
    const now = performance.now();
    if (!stray.held) {
      return "lost";
    }
    if (stray.left) {
      return "left";
    }
    if (now >= deadline) {
      return "expired";
    }
    if (silent && now - Math.max(since, answered) >= patience) {
      return "unknown";
    }
    return silent && this.#stopped ? "stopped" : undefined;
  }
}
