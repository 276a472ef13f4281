import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Serves /healthz, and /readyz with what it says is missing. It throws when the address cannot be had. */
export async function listen(address: { host: string; port: number }, notReady: () => string | undefined): Promise<Server> {
  const server = createServer((request, response) => {
    const why = request.url === "/readyz" ? notReady() : undefined;
    const status = request.url === "/healthz" || request.url === "/readyz" ? (why === undefined ? 200 : 503) : 404;
    response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${why ?? (status === 200 ? "ok" : "not found")}\n`);
  });
  server.requestTimeout = 5000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(address.port, address.host, resolve);
  });
  return server;
}

/** The address that a server listens on. */
export function addressOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  return family === "IPv6" ? `[${address}]:${port}` : `${address}:${port}`;
}
