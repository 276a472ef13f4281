// What the scripts beside it share: the visits that people pay to the rating app through its REST API, the data that they need,
// and the limits that a run must keep. A script says how many visits there are and when.
//
// A visit is of the table `visits`, in turn: nine of ten read one thing; in the tenth somebody signs up, rates a service, changes
// their mind and leaves. Visits begin when they are due, whether or not those before have ended (arrival-rate executors: an open
// loop). Where all virtual users still wait for answers a visit cannot begin: k6 counts it as dropped, and that fails the run.
//
// Variables, with their defaults (`dev perf` sets them from its flags):
//
//	PERF_URL       http://localhost:8080/api   where the API is mounted
//	PERF_RATE      the script's                visits a second
//	PERF_DURATION  the script's                seconds
//	PERF_P95       250                         milliseconds in which 95 of 100 answers of each route must be there
//	PERF_P99       1000                        and 99 of 100
//
// A run makes services, users and ratings whose display names begin with "perf" and the time, and deletes them at its end, when it
// is interrupted too. It touches nothing else. Where tokens are checked a caller can own one user only, so it needs a system
// without sign-in.
import { check } from "k6";
import exec from "k6/execution";
import http from "k6/http";
import { Counter } from "k6/metrics";

const api = (__ENV.PERF_URL || "http://localhost:8080/api").replace(/\/+$/, "");

// How much data the visits read. Every user has rated every service.
const services = 5;
const users = 20;

const callTimeout = "10s";
// The proxy lets a batch, and the deletion of all that somebody has, run for 30 s.
const longCallTimeout = "35s";

// The routes, by the methods of proto/rating/v1 that they call.
export const routes = [
  "ListServices",
  "GetService",
  "GetRatingSummary",
  "ListRatings",
  "GetRating",
  "GetUser",
  "CreateUser",
  "CreateRating",
  "UpdateRating",
  "DeleteUser",
];

// number returns a variable as a number.
function number(name, fallback, least, whole) {
  const text = __ENV[name] || String(fallback);
  const value = Number(text);
  if (!(value >= least && Number.isFinite(value)) || (whole && !Number.isInteger(value))) {
    throw new Error(`${name}: ${text} is no ${whole ? "whole " : ""}number of at least ${least}`);
  }
  return value;
}

// rateOr returns the visits a second that are asked for, or else those that the script is for.
export const rateOr = (fallback) => number("PERF_RATE", fallback, 1, true);

// secondsOr returns how long the visits are to go on. k6 has no scenario below a second.
export const secondsOr = (fallback, least = 1) => number("PERF_DURATION", fallback, least, false);

export const p95 = number("PERF_P95", 250, 0, false);
export const p99 = number("PERF_P99", 1000, 0, false);

// failures counts what was answered with another status than 200. k6 calls no answer at all 0.
const statuses = [0, 400, 401, 403, 404, 408, 409, 413, 429, 500, 502, 503, 504];
const failures = Object.fromEntries(statuses.map((status) => [status, new Counter(`status_${status}`)]));
const otherFailures = new Counter("status_other");
// What an overloaded proxy refuses (429, 503) is meant to be; what fails otherwise is not.
const unexpected = new Counter("unexpected_failures");

function count(status) {
  (failures[status] || otherFailures).add(1);
  if (status !== 429 && status !== 503) {
    unexpected.add(1);
  }
}

http.setResponseCallback(http.expectedStatuses(200)); // all others are in http_req_failed

// Keys of one virtual user: its part is random, since setup and teardown are users too.
const keyPrefix = `perf-${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
let keys = 0;

// params returns the parameters of a request. Every write has a key, so that it acts once if the way sends it again.
function params(name, method, timeout) {
  const headers = { "Content-Type": "application/json" };
  if (method !== "GET") {
    keys += 1;
    headers["Idempotency-Key"] = `${keyPrefix}-${keys}`;
  }
  return { headers, tags: { name }, timeout };
}

// parse returns the JSON of an answer, null where it is none.
function parse(response) {
  try {
    return JSON.parse(response.body);
  } catch {
    return null;
  }
}

// call calls a route, and returns the answer if it is what was wanted, null otherwise.
function call(route, method, path, body, wanted) {
  const response = http.request(method, api + path, body && JSON.stringify(body), params(route, method, callTimeout));
  if (response.status !== 200) {
    count(response.status);
  }
  const answer = parse(response);
  const good = check(
    response,
    {
      "the status is 200": (r) => r.status === 200,
      "the answer is what was asked for": () => matches(answer, wanted),
    },
    { name: route },
  );
  return good ? answer : null;
}

// matches says whether an answer is what was wanted, which an answer of another shape is not.
function matches(answer, wanted) {
  try {
    return wanted(answer);
  } catch {
    return false;
  }
}

// pick returns one of the values, another for the next n.
const pick = (values, n) => values[n % values.length];

function listServices() {
  call("ListServices", "GET", "/services?pageSize=20", null, (a) => a.services.length > 0);
}

function getService(data, n) {
  const name = pick(data.services, n);
  call("GetService", "GET", `/${name}`, null, (a) => a.name === name);
}

function getRatingSummary(data, n) {
  const name = `${pick(data.services, n)}/ratingSummary`;
  call("GetRatingSummary", "GET", `/${name}`, null, (a) => a.name === name && Number(a.ratingCount) >= users);
}

function listRatings(data, n) {
  const service = pick(data.services, n);
  const path = `/ratings?pageSize=20&service=${encodeURIComponent(service)}`;
  call("ListRatings", "GET", path, null, (a) => a.ratings.length === 20 && a.ratings.every((r) => r.service === service));
}

function getRating(data, n) {
  const name = pick(data.ratings, n);
  call("GetRating", "GET", `/${name}`, null, (a) => a.name === name);
}

function getUser(data, n) {
  const name = pick(data.users, n);
  call("GetUser", "GET", `/${name}`, null, (a) => a.name === name);
}

// changeMind is four writes, each of what the one before has made.
function changeMind(data, n) {
  const displayName = `${data.run} visitor`;
  const user = call("CreateUser", "POST", "/users", { displayName }, (a) => a.displayName === displayName);
  if (user === null) {
    return;
  }
  const service = pick(data.services, n);
  const body = { user: user.name, service, score: 1, comment: "It was late." };
  const rating = call("CreateRating", "POST", "/ratings", body, (a) => a.user === user.name && a.score === 1);
  if (rating !== null) {
    call("UpdateRating", "PATCH", `/${rating.name}`, { score: 5 }, (a) => a.name === rating.name && a.score === 5);
  }
  call("DeleteUser", "DELETE", `/${user.name}?force=true`, null, (a) => Object.keys(a).length === 0);
}

const visits = [
  listServices,
  getService,
  listRatings,
  getRatingSummary,
  changeMind,
  getUser,
  getService,
  getRating,
  listRatings,
  getRatingSummary,
];

// visit is what a virtual user does each time.
export function visit(data) {
  const n = exec.scenario.iterationInTest;
  pick(visits, n)(data, Math.floor(n / visits.length));
}

// must makes a request of setup, and returns its answer.
function must(method, path, body) {
  const response = http.request(method, api + path, body && JSON.stringify(body), params("setup", method, longCallTimeout));
  if (response.status !== 200) {
    throw new Error(`cannot make the data: ${method} ${path} was answered ${response.status} ${response.error || response.body}`);
  }
  return response.json();
}

// setup makes the data that visits read.
export function setup() {
  const run = `perf ${new Date().toISOString()} ${Math.random().toString(36).slice(2, 8)}`;
  const make = (n, path, of) => Array.from({ length: n }, (_, i) => must("POST", path, { displayName: `${run} ${of} ${i}` }).name);
  const data = { run, services: make(services, "/services", "service"), users: make(users, "/users", "user") };
  const requests = data.services.flatMap((service, s) =>
    data.users.map((user, u) => ({ rating: { user, service, score: (s + u) % 6, comment: "Quite so." } })),
  );
  data.ratings = must("POST", "/ratings:batchCreate", { requests }).ratings.map((rating) => rating.name);
  return data;
}

// deleteAll deletes what is listed at a path, which is all of this run; a page at a time, 20 requests at a time.
function deleteAll(path, field) {
  for (;;) {
    const page = must("GET", `${path}&pageSize=1000`)[field];
    if (page.length === 0) {
      return;
    }
    let deleted = 0;
    for (let i = 0; i < page.length; i += 20) {
      const requests = page
        .slice(i, i + 20)
        .map((one) => ["DELETE", `${api}/${one.name}?force=true`, null, params("teardown", "DELETE", longCallTimeout)]);
      deleted += http.batch(requests).filter((response) => response.status === 200 || response.status === 404).length;
    }
    if (deleted === 0) {
      throw new Error(`cannot delete the ${field} whose names begin with those at ${path}`);
    }
  }
}

// teardown deletes what the run has made, that of visits included which were broken off. Ratings go with their users.
export function teardown(data) {
  const prefix = encodeURIComponent(data.run);
  deleteAll(`/users?displayNamePrefix=${prefix}`, "users");
  deleteAll(`/services?displayNamePrefix=${prefix}`, "services");
}

// k6 takes a duration as Go does.
const duration = (seconds) => `${seconds.toFixed(3)}s`;

// virtualUsers are as many as visits of half a second need, and are added up to those of two seconds.
const virtualUsers = (rate) => ({ preAllocatedVUs: 10 + Math.ceil(rate / 2), maxVUs: 10 + 2 * rate });

// constant is a scenario of so many visits a second for so many seconds, which begins after as many seconds as start says.
export function constant(rate, seconds, start = 0) {
  return {
    executor: "constant-arrival-rate",
    exec: "visit",
    rate,
    timeUnit: "1s",
    startTime: duration(start),
    duration: duration(seconds),
    ...virtualUsers(rate),
  };
}

// ramping is a scenario that goes from one rate to others, each in so many seconds: [[rate, seconds], …].
export function ramping(startRate, stages) {
  return {
    executor: "ramping-arrival-rate",
    exec: "visit",
    startRate,
    timeUnit: "1s",
    stages: stages.map(([target, seconds]) => ({ target, duration: duration(seconds) })),
    ...virtualUsers(Math.max(startRate, ...stages.map(([target]) => target))),
  };
}

// everyRoute are thresholds that say that each route was called. k6 keeps numbers apart for what has a threshold only, so that the
// report has its rows from these; the two that always hold are for nothing else.
export const alwaysHold = ["rate<=1", "max>=0"];
export const everyRoute = Object.fromEntries(
  routes.flatMap((route) => [
    [`http_reqs{name:${route}}`, ["count>0"]],
    [`http_req_failed{name:${route}}`, [alwaysHold[0]]],
    [`http_req_duration{name:${route}}`, [alwaysHold[1]]],
  ]),
);

// steady are the limits of a load that the system is there for: next to nothing fails, every route is fast enough, and every visit
// begins when it is due.
export const steady = {
  ...everyRoute,
  checks: ["rate>0.999"],
  dropped_iterations: ["count<1"],
  ...Object.fromEntries(
    routes.flatMap((route) => [
      [`http_req_failed{name:${route}}`, ["rate<0.001"]],
      [`http_req_duration{name:${route}}`, [`p(95)<${p95}`, `p(99)<${p99}`]],
    ]),
  ),
};

// options are those of every script. Names and not addresses tell requests apart, or each resource would be a metric of its own.
export function options(scenarios, thresholds) {
  return {
    scenarios,
    thresholds,
    setupTimeout: "60s",
    teardownTimeout: "10m",
    summaryTrendStats: ["med", "p(95)", "p(99)", "max"],
    systemTags: ["status", "method", "name", "scenario", "expected_response", "error_code", "check"],
  };
}
