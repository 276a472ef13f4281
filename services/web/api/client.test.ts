// @vitest-environment node
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, expectTypeOf, test } from "vitest";
import { ApiError, type ApiClient, type ClientOptions, createClient, idOf, type Schemas } from "./client";

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

type Answer = (response: ServerResponse) => void;

let server: Server | undefined;

afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  server = undefined;
});

/** Serves the answers one after the other, and returns a client of it and what it has seen. */
async function serve(answers: readonly Answer[], options: Partial<ClientOptions> = {}): Promise<{ api: ApiClient; seen: Seen[] }> {
  const seen: Seen[] = [];
  server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { method = "", url = "", headers } = request;
    seen.push({ method, url, headers, body });
    const answer = answers[seen.length - 1];
    if (!answer) throw new Error(`request ${seen.length} was not expected`);
    answer(response);
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { api: createClient({ baseUrl: `http://127.0.0.1:${port}/api`, ...options }), seen };
}

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(JSON.stringify(body));
  };
const failure = (code: number, status: string, headers: Record<string, string> = {}, details: unknown[] = []): Answer =>
  json(code, { error: { code, message: `it is ${status}`, status, details } }, headers);
const text =
  (status: number, body: string): Answer =>
  (response) => {
    response.writeHead(status, { "Content-Type": "text/html" }).end(body);
  };
const silence: Answer = () => {};
const reset: Answer = (response) => {
  response.socket?.destroy();
};
const half: Answer = (response) => {
  response.writeHead(200, { "Content-Type": "application/json", "Content-Length": "100" }).write('{"name":');
  setImmediate(() => response.socket?.destroy());
};

const ada = { name: "users/ada", displayName: "Ada", email: "", etag: "e" };
const now = { "Retry-After": "0" };

/** Returns the error that a call throws. */
async function thrown(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("the call has succeeded");
}

async function apiError(call: Promise<unknown>): Promise<ApiError> {
  const error = await thrown(call);
  expect(error).toBeInstanceOf(ApiError);
  return error as ApiError;
}

describe("a call", () => {
  test("sends what the contract says and returns the answer", async () => {
    const { api, seen } = await serve([json(200, ada), json(200, { users: [ada], nextPageToken: "" }), json(200, {})]);
    const user = await api.PATCH("/users/{user}", {
      params: { path: { user: "a/d a" }, query: { updateMask: "displayName,email" } },
      body: { displayName: "Ada" },
    });
    expect(user.data).toEqual(ada);
    expect(user.response.status).toBe(200);
    await api.GET("/users", { params: { query: { pageSize: 2, displayNamePrefix: "A&B" } } });
    await api.DELETE("/users/{user}", { params: { path: { user: "ada" }, query: { force: true } } });
    expect(seen.map(({ method, url, body }) => [method, url, body])).toEqual([
      ["PATCH", "/api/users/a%2Fd%20a?updateMask=displayName%2Cemail", '{"displayName":"Ada"}'],
      ["GET", "/api/users?pageSize=2&displayNamePrefix=A%26B", ""],
      ["DELETE", "/api/users/ada?force=true", ""],
    ]);
  });

  test("has the types of the contract", async () => {
    const api = createClient({ baseUrl: "/api" });
    const get = (id: string) => api.GET("/services/{service}", { params: { path: { service: id } } });
    type Service = Awaited<ReturnType<typeof get>>["data"];
    expectTypeOf<Service>().toEqualTypeOf<Schemas["rating.v1.Service"]>();
    expectTypeOf<Service["name"]>().toEqualTypeOf<string>();
    expectTypeOf<Service["createTime"]>().toEqualTypeOf<string | undefined>();
    expectTypeOf<Service["ratingCount"]>().toEqualTypeOf<string>();
    expectTypeOf<Service["averageScore"]>().toEqualTypeOf<number | "NaN" | "Infinity" | "-Infinity">();
    // None of these is ever called: the compiler refuses them.
    const wrong = [
      // @ts-expect-error: there is no such path
      () => api.GET("/user"),
      // @ts-expect-error: the path's parameter is missing
      () => api.GET("/users/{user}"),
      // @ts-expect-error: the path has no such method
      () => api.DELETE("/users"),
      // @ts-expect-error: the parameter is a number
      () => api.GET("/users", { params: { query: { pageSize: "2" } } }),
      // @ts-expect-error: display_name is REQUIRED
      () => api.POST("/users", { body: { email: "ada@example.com" } }),
      // @ts-expect-error: there is no such field
      () => api.POST("/users", { body: { displayName: "Ada", name_: "" } }),
      // @ts-expect-error: the score is a number
      () => api.POST("/ratings", { body: { user: "users/1", service: "services/1", score: "5" } }),
      // @ts-expect-error: the body is missing
      () => api.POST("/ratings"),
    ];
    expect(wrong).toHaveLength(8);
  });

  test("carries a token where there is one, asked for anew for each attempt", async () => {
    let asked = 0;
    const token = async () => `token${++asked}`;
    const { api, seen } = await serve([failure(503, "UNAVAILABLE", now), json(200, ada)], { token });
    await api.GET("/users/{user}", { params: { path: { user: "ada" } } });
    expect(seen.map(({ headers }) => headers.authorization)).toEqual(["Bearer token1", "Bearer token2"]);
  });
});

test("what asks for a token may fail", async () => {
  const reason = new Error("signed out");
  const { api, seen } = await serve([], { token: () => Promise.reject(reason) });
  expect(await thrown(api.GET("/users"))).toBe(reason);
  expect(seen).toHaveLength(0);
});

describe("a write", () => {
  test("has a key of its own, reads have none", async () => {
    const { api, seen } = await serve([json(200, ada), json(200, ada), json(200, ada)]);
    await api.POST("/users", { body: { displayName: "Ada" } });
    await api.POST("/users", { body: { displayName: "Ada" } });
    await api.GET("/users/{user}", { params: { path: { user: "ada" } } });
    const keys = seen.map(({ headers }) => headers["idempotency-key"]);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys[1]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys[1]).not.toBe(keys[0]);
    expect(keys[2]).toBeUndefined();
  });

  test("has one traceparent in all attempts, the caller's where there is one", async () => {
    let calls = 0;
    const { api, seen } = await serve([reset, json(200, ada), json(200, ada)], { traceparent: ({ method }) => `${method} ${++calls}` });
    await api.GET("/users/{user}", { params: { path: { user: "ada" } } });
    await api.GET("/users/{user}", { params: { path: { user: "ada" } }, headers: { Traceparent: "mine" } });
    expect(seen.map(({ headers }) => headers.traceparent)).toEqual(["GET 1", "GET 1", "mine"]);
  });

  test("has the caller's key where there is one", async () => {
    const { api, seen } = await serve([json(200, ada)]);
    await api.POST("/users", { body: { displayName: "Ada" }, headers: { "Idempotency-Key": "mine" } });
    expect(seen[0]?.headers["idempotency-key"]).toBe("mine");
  });

  test.each<[string, Answer]>([
    ["the connection breaks", reset],
    ["the answer breaks off", half],
    ["the service is overloaded", failure(429, "RESOURCE_EXHAUSTED", now)],
    ["the service is unavailable", failure(503, "UNAVAILABLE", now)],
    ["a gateway finds no proxy", text(502, "<h1>Bad Gateway</h1>")],
  ])("is sent again with the same key and body when %s", async (_, first) => {
    const { api, seen } = await serve([first, json(200, ada)]);
    const { data } = await api.POST("/users", { body: { displayName: "Ada" } });
    expect(data).toEqual(ada);
    expect(seen).toHaveLength(2);
    expect(seen[1]?.body).toBe('{"displayName":"Ada"}');
    expect(seen[1]?.headers["idempotency-key"]).toBe(seen[0]?.headers["idempotency-key"]);
  });

  test.each([
    [400, "INVALID_ARGUMENT"],
    [404, "NOT_FOUND"],
    [409, "ABORTED"],
    [500, "INTERNAL"],
    [504, "DEADLINE_EXCEEDED"],
  ])("is not sent again after %d", async (code, status) => {
    const { api, seen } = await serve([failure(code, status)]);
    const error = await apiError(api.POST("/users", { body: { displayName: "Ada" } }));
    expect([error.httpStatus, error.status, error.message]).toEqual([code, status, `it is ${status}`]);
    expect(seen).toHaveLength(1);
  });

  test("is given up after so many attempts, with the last error", async () => {
    const { api, seen } = await serve([reset, failure(503, "UNAVAILABLE", now), failure(429, "RESOURCE_EXHAUSTED", now)], { attempts: 3 });
    const error = await apiError(api.POST("/users", { body: { displayName: "Ada" } }));
    expect(error.status).toBe("RESOURCE_EXHAUSTED");
    expect(seen).toHaveLength(3);
  });
});

describe("Retry-After", () => {
  test("is waited for", async () => {
    const { api } = await serve([failure(503, "UNAVAILABLE", { "Retry-After": "1" }), json(200, ada)]);
    const start = performance.now();
    await api.GET("/users/{user}", { params: { path: { user: "ada" } } });
    expect(performance.now() - start).toBeGreaterThanOrEqual(995); // timers of Node may be early by a few ms
  });

  test.each([["60"], [new Date(Date.now() + 60_000).toUTCString()]])("beyond the timeout is not waited for: %s", async (wait) => {
    const { api, seen } = await serve([failure(503, "UNAVAILABLE", { "Retry-After": wait })], { timeout: 10_000 });
    const start = performance.now();
    const error = await apiError(api.GET("/users"));
    expect(error.httpStatus).toBe(503);
    expect(performance.now() - start).toBeLessThan(5_000);
    expect(seen).toHaveLength(1);
  });
});

describe("a call that is not answered", () => {
  test("ends at the timeout", async () => {
    const { api, seen } = await serve([silence], { timeout: 100 });
    const error = await apiError(api.GET("/users"));
    expect([error.httpStatus, error.status, error.message]).toEqual([0, "DEADLINE_EXCEEDED", "no answer within 0.1 s"]);
    expect(seen).toHaveLength(1);
  });

  test("ends when its signal is aborted, with the signal's reason", async () => {
    const { api } = await serve([silence]);
    const reason = new Error("enough");
    const controller = new AbortController();
    const call = api.GET("/users", { signal: controller.signal });
    controller.abort(reason);
    expect(await thrown(call)).toBe(reason);
  });

  test("ends while it waits for the next attempt", async () => {
    const { api, seen } = await serve([failure(503, "UNAVAILABLE", { "Retry-After": "20" })]);
    const error = await thrown(api.GET("/users", { signal: AbortSignal.timeout(500) }));
    expect(error).toMatchObject({ name: "TimeoutError" });
    expect(seen).toHaveLength(1);
  });

  test("says that nobody is there", async () => {
    const { api } = await serve([], { attempts: 1 });
    await new Promise((resolve) => server?.close(resolve));
    const error = await apiError(api.GET("/users"));
    expect([error.httpStatus, error.status]).toEqual([0, "UNAVAILABLE"]);
    expect(error.message).toMatch(/^no answer: TypeError: /);
  });
});

describe("an error", () => {
  const type = (name: string) => `type.googleapis.com/google.rpc.${name}`;
  const violation = { field: "user.display_name", description: "value is required", reason: "REQUIRED" };

  test("has the details of the API", async () => {
    const details = [
      { "@type": type("ErrorInfo"), reason: "WRONG", domain: "rating.codingflow.com", metadata: {} },
      { "@type": type("BadRequest"), fieldViolations: [violation] },
      { "@type": "type.googleapis.com/other.v1.Detail", more: 1 },
    ];
    const { api } = await serve([failure(400, "INVALID_ARGUMENT", { "X-Request-Id": "r1" }, details)]);
    const error = await apiError(api.POST("/users", { body: { displayName: "" } }));
    expect(error.fieldViolations).toEqual([violation]);
    expect(error.detail("google.rpc.ErrorInfo")?.reason).toBe("WRONG");
    expect(error.detail("google.rpc.Help")).toBeUndefined();
    expect(error.details).toEqual(details);
    expect(error.requestId).toBe("r1");
    expectTypeOf(error.detail("google.rpc.RetryInfo")?.retryDelay).toEqualTypeOf<string | undefined>();
  });

  test("of another status has no field violations", async () => {
    const { api } = await serve([failure(404, "NOT_FOUND")]);
    expect((await apiError(api.GET("/users"))).fieldViolations).toEqual([]);
  });

  test.each([
    [401, "UNAUTHENTICATED"],
    [403, "PERMISSION_DENIED"],
    [404, "UNIMPLEMENTED"],
    [413, "UNKNOWN"],
    [504, "UNAVAILABLE"],
  ])("that a gateway answers with %d is %s", async (code, status) => {
    const { api } = await serve([text(code, "<h1>No</h1>")]);
    const error = await apiError(api.GET("/users"));
    expect([error.httpStatus, error.status]).toEqual([code, status]);
    expect(error.message).toMatch(`the answer is no error of the API, but ${code} `);
  });

  test("is an answer that is no JSON", async () => {
    const { api } = await serve([text(200, "<h1>Welcome to the hotel's Wi-Fi</h1>")]);
    const error = await apiError(api.GET("/users"));
    expect([error.httpStatus, error.status, error.message]).toEqual([200, "UNKNOWN", "the answer is no JSON"]);
  });
});

test.each([{ timeout: 0 }, { timeout: Number.NaN }, { attempts: 0 }])("a client is not made with %j", (options) => {
  expect(() => createClient({ baseUrl: "/api", ...options })).toThrow(RangeError);
});

test("idOf returns the last segment of a name", () => {
  expect(idOf("users/ada")).toBe("ada");
});
