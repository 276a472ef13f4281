/**
 * The moderation service: pulls the calls of moderation.v1 from NATS.
 *
 *     node services/moderation/dist/src/main.js --help
 */
import { readFile } from "node:fs/promises";

import { jsonLogger, Server } from "@codingflow/natsgrpc";
import { connect } from "@nats-io/transport-node";

import { type Config, help, readConfig } from "./config.js";
import { ModerationService } from "./gen/moderation/v1/moderation_pb.js";
import { addressOf, listen } from "./health.js";
import { check } from "./rules.js";
import { validate } from "./validate.js";
import { listedWords } from "./words.js";

async function main(): Promise<void> {
  const config = readConfig(process.argv.slice(2), process.env);
  if (config === undefined) {
    process.stdout.write(help());
    return;
  }
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => stop.abort()); // a second one ends the process at once
  }
  await serve(config, stop.signal);
}

/** Serves until the signal is aborted, then drains. */
async function serve(config: Config, signal: AbortSignal): Promise<void> {
  const listed = await listedWords(config.words);
  const comments = await readFile(new URL("../../src/gen/comments.binpb", import.meta.url));
  const nc = await connect(config.nats);
  const server = new Server(nc, {
    slots: { queries: config.slots },
    drainTimeout: config.drainTimeout,
    interceptors: [validate],
    publish: { name: "moderation", comments },
    ...(config.domain && { domain: config.domain }),
    ...(config.nats.inboxPrefix && { inboxPrefix: config.nats.inboxPrefix }),
  }).service(ModerationService, {
    checkComment: ({ comment }) => ({ findings: check(comment, listed) }),
  });
  const health = await listen(config.listen, () => (nc.isClosed() ? "the connection to NATS is closed" : server.notReady));
  jsonLogger.info("started", { nats: nc.getServer(), health: addressOf(health), words: listed.size });
  try {
    await server.serve(signal);
  } finally {
    health.close();
    await nc.close();
  }
  jsonLogger.info("stopped");
}

main().catch((error: Error) => {
  jsonLogger.error(error.message);
  process.exitCode = 1;
});
