#!/usr/bin/env node
// A stand-in for k6, for the tests of ../: `k6.mjs run [flags] SCRIPT` runs a script of tools/k6 as k6 would, as far as these scripts
// go. It has one virtual user, so that visits come one after the other; one that is late by more than some seconds is dropped. What k6
// documents of its modules, metrics, thresholds and exit codes was followed; where the two differ k6 is right, and the tests take
// it instead where the variable K6 names it.
import { register } from "node:module";
import { pathToFileURL } from "node:url";
import { MessageChannel, Worker, receiveMessageOnPort } from "node:worker_threads";

// patience is by how much a visit may be late, in seconds. Tests that are not about this have much of it, since a busy machine takes its
// time with the only virtual user.
const patience = Number(process.env.STAND_IN_PATIENCE ?? 60);

const exit = { thresholds: 99, interrupted: 105, exception: 107, invalid: 104 };

// Metrics: samples and their tags, from which everything is computed.
const metrics = new Map();
class Metric {
  constructor(type, name, contains = "default") {
    if (metrics.has(name)) return metrics.get(name);
    Object.assign(this, { type, name, contains, samples: [] });
    metrics.set(name, this);
  }
  add(value, tags = {}) {
    this.samples.push({ value: Number(value), tags: { scenario: current.scenario, ...tags } });
  }
}
const kinds = ["counter", "gauge", "rate", "trend"];
const [counter, gauge, rate, trend] = kinds.map((type) => (name, contains) => new Metric(type, name, contains));
const builtIn = {
  requests: counter("http_reqs"),
  failed: rate("http_req_failed"),
  took: trend("http_req_duration", "time"),
  checks: rate("checks"),
  iterations: counter("iterations"),
  dropped: counter("dropped_iterations"),
};

function valuesOf(type, samples, seconds) {
  const all = samples.map((s) => s.value);
  const sum = all.reduce((a, b) => a + b, 0);
  const sorted = [...all].sort((a, b) => a - b);
  const percentile = (p) => (sorted.length === 0 ? 0 : sorted[Math.max(0, Math.ceil((sorted.length * p) / 100) - 1)]);
  switch (type) {
    case "counter":
      return { count: sum, rate: sum / seconds };
    case "gauge":
      return { value: all.at(-1) ?? 0, min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0 };
    case "rate":
      return { rate: all.length === 0 ? 0 : sum / all.length, passes: sum, fails: all.length - sum };
    default:
      return { med: percentile(50), "p(95)": percentile(95), "p(99)": percentile(99), max: sorted.at(-1) ?? 0 };
  }
}

// A threshold's metric may name a tag: "http_reqs{name:GetUser}".
function metricOf(key, seconds) {
  const [, name, tag, value] = key.match(/^(\w+)(?:\{(\w+):(\w+)\})?$/);
  const metric = metrics.get(name);
  if (!metric) throw new Error(`the threshold ${key} is of no metric`);
  const samples = metric.samples.filter((s) => tag === undefined || s.tags[tag] === value);
  return { type: metric.type, contains: metric.contains, empty: samples.length === 0, values: valuesOf(metric.type, samples, seconds) };
}

function holds(values, text) {
  const match = text.match(/^(count|rate|value|med|max|min|p\(\d+\))(<=|>=|<|>|==)([\d.]+)$/);
  if (!match || values[match[1]] === undefined) throw new Error(`the threshold ${text} is not valid`);
  const [left, right] = [values[match[1]], Number(match[3])];
  return { "<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right, "==": left === right }[match[2]];
}

// HTTP: a worker makes the requests of this thread, which waits, since those of k6 are synchronous.
const { port1, port2 } = new MessageChannel();
const flag = new Int32Array(new SharedArrayBuffer(4));
const worker = new Worker(
  `const { workerData: { port, flag } } = require("node:worker_threads");
  port.on("message", async (all) => {
    const answers = await Promise.all(all.map(async ({ method, url, body, headers, timeout }) => {
      const start = performance.now();
      try {
        const r = await fetch(url, { method, body, headers, signal: AbortSignal.timeout(timeout) });
        const text = await r.text();
        return { status: r.status, body: text, error: "", took: performance.now() - start };
      } catch (err) {
        return { status: 0, body: null, error: String(err.cause ?? err), took: performance.now() - start };
      }
    }));
    port.postMessage(answers);
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
  });`,
  { eval: true, workerData: { port: port2, flag }, transferList: [port2] },
);
worker.unref();

function batch(requests) {
  const all = requests.map(([method, url, body, params]) => {
    if (!/^\d+s$/.test(params.timeout)) throw new Error(`timeout ${params.timeout}`);
    return { method, url, body: body ?? undefined, headers: params.headers, timeout: Number(params.timeout.slice(0, -1)) * 1000 };
  });
  Atomics.store(flag, 0, 0);
  port1.postMessage(all);
  Atomics.wait(flag, 0, 0);
  return receiveMessageOnPort(port1).message.map((answer, i) => {
    const tags = requests[i][3].tags;
    builtIn.requests.add(1, tags);
    builtIn.failed.add(answer.status === 200 ? 0 : 1, tags);
    builtIn.took.add(answer.took, tags);
    return { ...answer, json: () => JSON.parse(answer.body) };
  });
}

const groupChecks = new Map();
const current = { scenario: "", n: 0, progress: 0 };
globalThis.__ENV = process.env;
globalThis.__k6 = {
  http: {
    request: (...request) => batch([request])[0],
    batch,
    setResponseCallback: () => {},
    expectedStatuses: (...all) => all,
  },
  k6: {
    check(value, sets, tags) {
      let all = true;
      for (const [name, test] of Object.entries(sets)) {
        const ok = Boolean(test(value));
        const seen = groupChecks.get(name) ?? { name, passes: 0, fails: 0 };
        seen[ok ? "passes" : "fails"] += 1;
        groupChecks.set(name, seen);
        builtIn.checks.add(ok, tags);
        all &&= ok;
      }
      return all;
    },
  },
  execution: { scenario: { get iterationInTest() { return current.n; }, get progress() { return current.progress; } } },
  metrics: { Counter: class { constructor(n) { return counter(n); } }, Gauge: class { constructor(n) { return gauge(n); } } },
};
const modules = {
  k6: "export const { check } = globalThis.__k6.k6;",
  "k6/http": "export default globalThis.__k6.http;",
  "k6/execution": "export default globalThis.__k6.execution;",
  "k6/metrics": "export const { Counter, Gauge } = globalThis.__k6.metrics;",
};
const hooks = `const modules = ${JSON.stringify(modules)};
export async function resolve(name, context, next) {
  return name in modules ? { url: "data:text/javascript," + encodeURIComponent(modules[name]), shortCircuit: true } : next(name, context);
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

// startsOf returns when the iterations of a scenario begin, in seconds from its start.
function startsOf(scenario) {
  const seconds = (text) => Number(text.match(/^([\d.]+)s$/)[1]);
  for (const name of ["rate", "startRate", "preAllocatedVUs", "maxVUs"]) {
    if (name in scenario && !Number.isInteger(scenario[name])) throw new Error(`${name} must be an integer: ${scenario[name]}`);
  }
  if (scenario.duration !== undefined && seconds(scenario.duration) < 1) throw new Error("the duration should be at least 1s");
  const stages = scenario.stages ?? [{ target: scenario.rate, duration: scenario.duration }];
  const starts = [];
  let [from, begun, due] = [scenario.startRate ?? scenario.rate, 0, 0];
  for (const { target, duration } of stages) {
    const length = seconds(duration);
    for (const step = 0.001; due < begun + length - 1e-9; ) {
      const now = from + ((target - from) * (due - begun)) / length;
      starts.push(due);
      due += 1 / Math.max(now, step);
    }
    [from, begun] = [target, begun + length];
  }
  return { starts, length: begun, offset: seconds(scenario.startTime ?? "0s") };
}

async function run(path) {
  const script = await import(pathToFileURL(path));
  const { options } = script;
  const plan = Object.entries(options.scenarios)
    .flatMap(([name, scenario]) => {
      const { starts, length, offset } = startsOf(scenario);
      return starts.map((due, n) => ({ name, exec: scenario.exec, n, progress: due / length, due: offset + due }));
    })
    .sort((a, b) => a.due - b.due);
  const data = JSON.parse(JSON.stringify(script.setup()));
  const began = performance.now();
  const elapsed = () => (performance.now() - began) / 1000;
  let code = 0;
  process.on("SIGINT", () => { code = exit.interrupted; });
  let evaluated = 0;
  for (const { name, exec, n, progress, due } of plan) {
    while (code === 0 && elapsed() < due) await new Promise((done) => setTimeout(done, Math.min(50, (due - elapsed()) * 1000)));
    await new Promise((done) => setImmediate(done)); // signals come here
    if (code !== 0) break;
    Object.assign(current, { scenario: name, n, progress });
    if (elapsed() > due + patience) {
      builtIn.dropped.add(1);
    } else {
      script[exec](data);
      builtIn.iterations.add(1);
    }
    if (elapsed() > evaluated + 0.5) {
      evaluated = elapsed();
      if (aborts(options.thresholds, evaluated)) break;
    }
  }
  current.scenario = "";
  const seconds = elapsed();
  script.teardown(data);
  const { data: summary, broken } = summarize(options.thresholds, seconds);
  for (const [where, text] of Object.entries(script.handleSummary(summary))) {
    if (where !== "stdout") throw new Error(`a summary for ${where}`);
    process.stdout.write(text);
  }
  return code || (broken ? exit.thresholds : 0);
}

function aborts(thresholds, seconds) {
  return Object.entries(thresholds).some(([key, all]) => {
    const metric = metricOf(key, seconds);
    return !metric.empty && all.some((t) => t.abortOnFail && seconds >= Number(t.delayAbortEval.slice(0, -1)) && !holds(metric.values, t.threshold));
  });
}

function summarize(thresholds, seconds) {
  let broken = false;
  const all = {};
  for (const [name, metric] of metrics) {
    if (metric.samples.length > 0) all[name] = metricOf(name, seconds);
  }
  for (const [key, texts] of Object.entries(thresholds)) {
    const metric = metricOf(key, seconds);
    metric.thresholds = {};
    for (const text of texts.map((t) => t.threshold ?? t)) {
      const ok = holds(metric.values, text);
      metric.thresholds[text] = { ok };
      broken ||= !ok;
    }
    all[key] = metric;
  }
  const state = { testRunDurationMs: seconds * 1000, isStdOutTTY: false };
  return { data: { metrics: all, state, root_group: { checks: [...groupChecks.values()] } }, broken };
}

const path = process.argv.at(-1);
if (process.argv[2] !== "run" || !path.endsWith(".js")) {
  console.error("k6.mjs run [flags] SCRIPT");
  process.exit(exit.invalid);
}
try {
  process.exitCode = await run(path);
} catch (err) {
  console.error(err);
  process.exitCode = exit.exception;
}
port1.close();
await worker.terminate();
