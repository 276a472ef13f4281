import type { NatsConnection } from "@nats-io/transport-node";

/**
 * Whether a connection is up. The client library keeps what is published meanwhile and sends it later, when a request may
 * be another worker's; so nothing is said of a request while the connection is down.
 */
export class Link {
  connected = true;
  readonly #listeners = new Set<() => void>();

  constructor(nc: NatsConnection) {
    void this.#watch(nc);
  }

  /** Calls a function whenever the connection is up again. */
  onReconnect(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** It ends with the connection. */
  async #watch(nc: NatsConnection): Promise<void> {
    for await (const { type } of nc.status()) {
      if (type === "disconnect") {
        this.connected = false;
      } else if (type === "reconnect") {
        this.connected = true;
        this.#listeners.forEach((listener) => listener());
      }
    }
    this.connected = false;
  }
}
