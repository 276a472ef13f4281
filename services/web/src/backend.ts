// The calls of the API that the pages need, on the generated client and its types.
import { type ApiClient, createClient, idOf, type Schemas } from "../api/client";
import { traceparent } from "./trace";

export type User = Schemas["rating.v1.User"];
export type Service = Schemas["rating.v1.Service"];
export type Rating = Schemas["rating.v1.Rating"];
export type RatingSummary = Schemas["rating.v1.RatingSummary"];

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextPageToken: string;
}

export interface PageRequest {
  readonly pageSize: number;
  readonly pageToken?: string;
}

export interface Deletion {
  readonly etag: string;
  /** Deletes what belongs to it too. */
  readonly force: boolean;
  readonly key: string;
  /** The page may go away meanwhile. */
  readonly keepalive: boolean;
  /** That of the act by which the person has deleted it, which may be a while ago. */
  readonly traceparent: string;
}

/** The standard methods of a kind of resource. */
export interface Backend<T, Query> {
  list(query: Query, page: PageRequest, signal: AbortSignal): Promise<Page<T>>;
  get(name: string, signal: AbortSignal): Promise<T>;
  create(value: T, key: string): Promise<T>;
  /** Changes the fields that values has. */
  update(name: string, values: Partial<T>, key: string): Promise<T>;
  remove(name: string, deletion: Deletion): Promise<void>;
}

export type NameQuery = { readonly displayNamePrefix?: string };
export type RatingQuery = { readonly user?: string; readonly service?: string };

/** The client of the API, which is there once the session has told where that is. */
let client: Promise<ApiClient> = new Promise(() => undefined);

/** Makes all calls go to an API, once it is known where that is. */
export function connect(api: Promise<string>): void {
  client = api.then((base) =>
    createClient({
      baseUrl: new URL(base, location.origin).href.replace(/\/$/, ""),
      fetch: (request) => fetch(request), // whichever it is then
      // Not on reads from another origin, which a browser would ask permission for then, in a request of its own.
      traceparent: ({ method, url }) =>
        method === "GET" && new URL(url).origin !== location.origin ? undefined : traceparent(),
    }),
  );
}

const keyed = (key: string) => ({ "Idempotency-Key": key });
const traced = ({ key, traceparent }: Deletion) => ({ ...keyed(key), Traceparent: traceparent });

/** Names the fields to change: without it, one that is emptied would count as not given. */
const maskOf = (values: object) =>
  Object.keys(values)
    .filter((field) => field !== "etag")
    .join(",");

export const userBackend: Backend<User, NameQuery> = {
  async list(query, page, signal) {
    const { users, nextPageToken } = (
      await (await client).GET("/users", { params: { query: { ...query, ...page } }, signal })
    ).data;
    return { items: users, nextPageToken };
  },
  get: async (name, signal) =>
    (await (await client).GET("/users/{user}", { params: { path: { user: idOf(name) } }, signal })).data,
  create: async (value, key) => (await (await client).POST("/users", { body: value, headers: keyed(key) })).data,
  update: async (name, values, key) =>
    (
      await (
        await client
      ).PATCH("/users/{user}", {
        params: { path: { user: idOf(name) }, query: { updateMask: maskOf(values) } },
        body: values,
        headers: keyed(key),
      })
    ).data,
  async remove(name, deletion) {
    const { etag, force, keepalive } = deletion;
    const params = { path: { user: idOf(name) }, query: { etag, force } };
    await (await client).DELETE("/users/{user}", { params, headers: traced(deletion), keepalive });
  },
};

export const serviceBackend: Backend<Service, NameQuery> = {
  async list(query, page, signal) {
    const { services, nextPageToken } = (
      await (await client).GET("/services", { params: { query: { ...query, ...page } }, signal })
    ).data;
    return { items: services, nextPageToken };
  },
  get: async (name, signal) =>
    (await (await client).GET("/services/{service}", { params: { path: { service: idOf(name) } }, signal })).data,
  create: async (value, key) => (await (await client).POST("/services", { body: value, headers: keyed(key) })).data,
  update: async (name, values, key) =>
    (
      await (
        await client
      ).PATCH("/services/{service}", {
        params: { path: { service: idOf(name) }, query: { updateMask: maskOf(values) } },
        body: values,
        headers: keyed(key),
      })
    ).data,
  async remove(name, deletion) {
    const { etag, force, keepalive } = deletion;
    const params = { path: { service: idOf(name) }, query: { etag, force } };
    await (await client).DELETE("/services/{service}", { params, headers: traced(deletion), keepalive });
  },
};

export const ratingBackend: Backend<Rating, RatingQuery> = {
  async list(query, page, signal) {
    const { ratings, nextPageToken } = (
      await (await client).GET("/ratings", { params: { query: { ...query, ...page } }, signal })
    ).data;
    return { items: ratings, nextPageToken };
  },
  get: async (name, signal) =>
    (await (await client).GET("/ratings/{rating}", { params: { path: { rating: idOf(name) } }, signal })).data,
  create: async (value, key) => (await (await client).POST("/ratings", { body: value, headers: keyed(key) })).data,
  update: async (name, values, key) =>
    (
      await (
        await client
      ).PATCH("/ratings/{rating}", {
        params: { path: { rating: idOf(name) }, query: { updateMask: maskOf(values) } },
        body: values,
        headers: keyed(key),
      })
    ).data,
  async remove(name, deletion) {
    const { etag, keepalive } = deletion;
    const params = { path: { rating: idOf(name) }, query: { etag } };
    await (await client).DELETE("/ratings/{rating}", { params, headers: traced(deletion), keepalive });
  },
};

/** Gets how the ratings of `services/{service}` are distributed. */
export const getRatingSummary = async (service: string, signal: AbortSignal): Promise<RatingSummary> =>
  (
    await (
      await client
    ).GET("/services/{service}/ratingSummary", { params: { path: { service: idOf(service) } }, signal })
  ).data;
