// The client of the REST API. What can be sent and what is answered is in schema.ts, which is generated from the protos.
//
//     const api = createClient({ baseUrl: "/api" });
//     const { data } = await api.GET("/users/{user}", { params: { path: { user: idOf("users/ada") } } });
//
// A call throws an ApiError unless it succeeds, so data is always there; it throws the reason of its signal when that is
// aborted. 64-bit integers are strings and doubles may be "NaN" or "Infinity", as in all JSON of protobuf: Number() reads
// both.
import createFetchClient, { type FetchResponse, type MaybeOptionalInit } from "openapi-fetch";
import type { HttpMethod, PathsWithMethod, RequiredKeysOf } from "openapi-typescript-helpers";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
/** The name of a code of gRPC, such as "NOT_FOUND". */
export type Code = Schemas["Error"]["error"]["status"];
/** One of an error's details, a message with its type. */
export type Detail = NonNullable<Schemas["Error"]["error"]["details"]>[number];
/** What is wrong with a field: `field` is its path from the request message, by proto names, such as "user.display_name". */
export type FieldViolation = Schemas["google.rpc.BadRequest.FieldViolation"];

const typePrefix = "type.googleapis.com/";
type Known = Detail extends infer D ? (D extends { "@type": infer T } ? (string extends T ? never : D) : never) : never;
type KnownName = Known["@type"] extends `${typeof typePrefix}${infer Name}` ? Name : never;

/** Why a call has failed: a google.rpc.Status of the API, or the lack of one. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    /** The HTTP status; 0 where there was no answer. */
    readonly httpStatus: number,
    readonly status: Code,
    message: string,
    readonly details: readonly Detail[] = [],
    options: ErrorOptions & {
      /** The X-Request-Id of the answer, to find the request in logs. */
      readonly requestId?: string | undefined;
    } = {},
  ) {
    super(message, options);
    this.requestId = options.requestId;
  }

  readonly requestId: string | undefined;

  /** The first detail of a type, such as "google.rpc.ErrorInfo". */
  detail<Name extends KnownName>(name: Name): Extract<Known, { "@type": `${typeof typePrefix}${Name}` }> | undefined {
    type Found = Extract<Known, { "@type": `${typeof typePrefix}${Name}` }>;
    return this.details.find((detail): detail is Found => detail["@type"] === typePrefix + name);
  }

  /** The fields at fault, none unless the status is INVALID_ARGUMENT. */
  get fieldViolations(): readonly FieldViolation[] {
    return this.detail("google.rpc.BadRequest")?.fieldViolations ?? [];
  }
}

export interface ClientOptions {
  /** Where the API is mounted, such as "/api" or "https://rating.example/api". */
  readonly baseUrl: string;
  /** How long a call may take with all its attempts, in ms. Default 30,000, as long as the API lets any method run. */
  readonly timeout?: number;
  /** How often a call is tried, at most. Default 4. */
  readonly attempts?: number;
  /** Returns the bearer token of an attempt, undefined for none; what it throws, the call throws. Default none. */
  readonly token?: () => string | undefined | Promise<string | undefined>;
  /** Returns the W3C traceparent of a call, which all its attempts have; undefined for none. Default none. */
  readonly traceparent?: (request: Request) => string | undefined;
  /** Default: the platform's. */
  readonly fetch?: (request: Request) => Promise<Response>;
}

type Media = "application/json";
type Operation<Path, M> = M extends keyof Path ? Extract<Path[M], Record<string | number, unknown>> : never;
type Success<Answer> = Answer extends { data: infer Data } ? { readonly data: Data; readonly response: Response } : never;
type Init<Path extends keyof paths, M extends HttpMethod> = Exclude<MaybeOptionalInit<paths[Path], Extract<M, keyof paths[Path]>>, undefined>;
// The options are no type parameter, so that the compiler sees members that are not in the contract.
type Method<M extends HttpMethod> = <Path extends PathsWithMethod<paths, M>>(
  path: Path,
  ...init: RequiredKeysOf<Init<Path, M>> extends never ? [Init<Path, M>?] : [Init<Path, M>]
) => Promise<Success<FetchResponse<Operation<paths[Path], M>, object, Media>>>;

/** The methods of the API, by HTTP method and path. Options are those of fetch, with `params`, `body` and `signal`. */
export interface ApiClient {
  readonly GET: Method<"get">;
  readonly POST: Method<"post">;
  readonly PATCH: Method<"patch">;
  readonly DELETE: Method<"delete">;
}

/**
 * Returns a client of the API.
 *
 * Every write carries an Idempotency-Key, by default a random one for each call; with `headers: {"Idempotency-Key": key}` it
 * is the caller's, so that a form that is sent again acts once. So a write is tried again like a read: where there is no
 * answer or half a one, and after 429, 502 and 503, with the same key. Waits are those of Retry-After, or random ones of up
 * to 0.2, 0.4, 0.8 … 5 s. No wait begins that would end after the timeout.
 */
export function createClient(options: ClientOptions): ApiClient {
  const { baseUrl, timeout = 30_000, attempts = 4, token = () => undefined, fetch = globalThis.fetch } = options;
  const { traceparent = () => undefined } = options;
  if (!(timeout > 0)) throw new RangeError(`timeout ${timeout} is not positive`);
  if (!(attempts >= 1)) throw new RangeError(`attempts ${attempts} is not at least 1`);

  async function send(request: Request): Promise<Response> {
    const end = performance.now() + timeout;
    const expiry = AbortSignal.timeout(timeout);
    const signal = AbortSignal.any([request.signal, expiry]);
    if (request.method !== "GET" && !request.headers.has("Idempotency-Key")) {
      request.headers.set("Idempotency-Key", newKey());
    }
    const parent = traceparent(request);
    if (parent !== undefined && !request.headers.has("Traceparent")) request.headers.set("Traceparent", parent);
    for (let attempt = 1; ; attempt++) {
      const bearer = await token();
      if (bearer !== undefined) request.headers.set("Authorization", `Bearer ${bearer}`);
      let error: ApiError;
      let wait = Math.random() * Math.min(5_000, 200 * 2 ** (attempt - 1));
      try {
        const answer = await read(await fetch(new Request(request.clone(), { signal })));
        if (answer instanceof Response) return answer;
        ({ error } = answer);
        wait = answer.retryAfter ?? wait;
        if (![429, 502, 503].includes(error.httpStatus)) throw error;
      } catch (cause) {
        if (cause instanceof ApiError) throw cause;
        if (request.signal.aborted) throw request.signal.reason;
        if (expiry.aborted) throw expired(timeout, cause);
        error = new ApiError(0, "UNAVAILABLE", "no answer: " + String(cause), [], { cause });
      }
      if (attempt >= attempts || performance.now() + wait >= end) throw error;
      await sleep(wait, request.signal);
    }
  }

  return createFetchClient<paths, Media>({ baseUrl, fetch: send }) as unknown as ApiClient;
}

/** Returns the last segment of a resource's name: "ada" of "users/ada". */
export function idOf(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

/** Reads an answer to its end, so that one that breaks off is noticed here. */
async function read(response: Response): Promise<Response | { error: ApiError; retryAfter: number | undefined }> {
  const text = await response.text();
  const requestId = response.headers.get("X-Request-Id") ?? undefined;
  let body: unknown;
  try {
    body = text === "" ? undefined : JSON.parse(text);
  } catch (cause) {
    if (response.ok) throw new ApiError(response.status, "UNKNOWN", "the answer is no JSON", [], { cause, requestId });
  }
  if (response.ok) return new Response(text === "" ? null : text, response);
  const retryAfter = waitOf(response.headers.get("Retry-After"));
  const error = (body as Partial<Schemas["Error"]> | undefined)?.error;
  if (error === undefined) {
    const message = `the answer is no error of the API, but ${response.status} ${response.statusText}`.trim();
    return { error: new ApiError(response.status, codeOf(response.status), message, [], { requestId }), retryAfter };
  }
  return { error: new ApiError(response.status, error.status, error.message, error.details, { requestId }), retryAfter };
}

/**
 * Returns the code of an answer that does not come from the API, but from a gateway in front of it:
 * https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
 */
function codeOf(httpStatus: number): Code {
  switch (httpStatus) {
    case 400:
      return "INTERNAL";
    case 401:
      return "UNAUTHENTICATED";
    case 403:
      return "PERMISSION_DENIED";
    case 404:
      return "UNIMPLEMENTED";
    case 429:
    case 502:
    case 503:
    case 504:
      return "UNAVAILABLE";
    default:
      return "UNKNOWN";
  }
}

/** Returns the ms that a Retry-After header asks for: it has seconds, or a date. */
function waitOf(header: string | null): number | undefined {
  if (header === null) return undefined;
  const wait = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

/** Returns 128 random bits. crypto.randomUUID is only there in pages that came by TLS or from localhost. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function expired(timeout: number, cause: unknown): ApiError {
  return new ApiError(0, "DEADLINE_EXCEEDED", `no answer within ${timeout / 1_000} s`, [], { cause });
}

/** Waits, and throws the signal's reason when it is aborted meanwhile. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal.addEventListener("abort", abort, { once: true });
  });
}
