import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { credsAuthenticator, type NodeConnectionOptions, nkeyAuthenticator } from "@nats-io/transport-node";

/** A flag, the environment variable that stands for it, its default and what it says. */
interface Flag {
  readonly env: string;
  readonly default?: string;
  readonly help: string;
}

const flags = {
  nats: { env: "NATS_URL", default: "nats://127.0.0.1:4222", help: "URL of the NATS server, or several, separated by commas." },
  "nats-domain": { env: "NATS_DOMAIN", help: "JetStream domain of the streams, where it is not the server's own." },
  "nats-creds": { env: "NATS_CREDS", help: "File with the JWT and the seed of the NATS user." },
  "nats-nkey": { env: "NATS_NKEY", help: "File with the seed of the NATS user." },
  "nats-ca": { env: "NATS_CA", help: "Certificates of the authorities to trust for TLS, in PEM." },
  "nats-cert": { env: "NATS_CERT", help: "Certificate of this program for TLS, in PEM." },
  "nats-key": { env: "NATS_KEY", help: "Private key of the certificate, in PEM." },
  "nats-inbox-prefix": { env: "NATS_INBOX_PREFIX", help: "What the NATS user's inboxes begin with. Default: _INBOX." },
  listen: { env: "MODERATION_LISTEN", default: "127.0.0.1:8082", help: "Address of /healthz and /readyz." },
  slots: { env: "MODERATION_SLOTS", default: "16", help: "Comments that are checked at once." },
  words: { env: "MODERATION_WORDS", help: "File with the words that are not wanted, one a line. Default: a short list." },
  "drain-timeout": { env: "MODERATION_DRAIN_TIMEOUT", default: "25", help: "Seconds that running calls may take when the service is told to stop." },
} as const satisfies Record<string, Flag>;

type Name = keyof typeof flags;

/** What the command line and the environment say. */
export interface Config {
  readonly nats: NodeConnectionOptions;
  readonly domain: string | undefined;
  readonly listen: { readonly host: string; readonly port: number };
  readonly slots: number;
  readonly words: string | undefined;
  /** In milliseconds. */
  readonly drainTimeout: number;
}

/** The text of --help. */
export function help(): string {
  const lines = Object.entries<Flag>(flags).map(([name, flag]) => {
    const fallback = flag.default === undefined ? "" : ` Default: ${flag.default}.`;
    return `  --${name}=VALUE\n      ${flag.help}${fallback} ($${flag.env})`;
  });
  return `Usage: moderation [flags]\n\nChecks comments for the rating app.\n\n${lines.join("\n")}\n`;
}

/** Reads the configuration; undefined for --help. It throws an Error that names the flag. */
export function readConfig(args: string[], env: NodeJS.ProcessEnv): Config | undefined {
  const options = Object.fromEntries(Object.keys(flags).map((name) => [name, { type: "string" as const }]));
  const { values } = parseArgs({ args, options: { ...options, help: { type: "boolean", short: "h" } } });
  if ("help" in values) {
    return undefined;
  }
  const value = (name: Name): string | undefined => {
    const flag: Flag = flags[name];
    return (values as Record<string, string | undefined>)[name] ?? (env[flag.env] || flag.default);
  };
  const number = (name: Name): number => {
    const text = value(name) ?? "";
    if (!/^[1-9]\d{0,5}$/.test(text)) {
      throw new Error(`--${name}: ${JSON.stringify(text)} is not a number from 1 to 999999`);
    }
    return Number(text);
  };
  return {
    nats: natsOptions(value),
    domain: value("nats-domain"),
    listen: parseAddress(value("listen") ?? ""),
    slots: number("slots"),
    words: value("words"),
    drainTimeout: number("drain-timeout") * 1000,
  };
}

function natsOptions(value: (name: Name) => string | undefined): NodeConnectionOptions {
  const [creds, nkey, ca, cert, key, inboxPrefix] = [value("nats-creds"), value("nats-nkey"), value("nats-ca"), value("nats-cert"), value("nats-key"), value("nats-inbox-prefix")];
  if (creds !== undefined && nkey !== undefined) {
    throw new Error("--nats-creds and --nats-nkey exclude each other");
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw new Error("--nats-cert and --nats-key need each other");
  }
  const tls = { ...(ca && { caFile: ca }), ...(cert && { certFile: cert }), ...(key && { keyFile: key }) };
  return {
    name: "moderation",
    servers: (value("nats") ?? "").split(",").map((server) => server.trim()),
    maxReconnectAttempts: -1,
    ...(inboxPrefix && { inboxPrefix }),
    ...(creds && { authenticator: credsAuthenticator(readFileSync(creds)) }),
    ...(nkey && { authenticator: nkeyAuthenticator(seedOf(readFileSync(nkey, "utf8"))) }),
    ...(Object.keys(tls).length > 0 && { tls }),
  };
}

/** The seed in a file that may have comments and other keys too. */
function seedOf(text: string): Uint8Array {
  const seed = text.split("\n").find((line) => line.trim().startsWith("SU"));
  if (seed === undefined) {
    throw new Error("--nats-nkey: the file has no seed of a user");
  }
  return Buffer.from(seed.trim());
}

function parseAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(address);
  if (match === null || Number(match[3]) > 65_535) {
    throw new Error(`--listen: ${JSON.stringify(address)} is not host:port`);
  }
  return { host: match[1] ?? match[2] ?? "", port: Number(match[3]) };
}
