// How much can it do? The rate rises until a threshold breaks, which ends the run: 1 of 100 requests fails, 1 of 100 takes longer
// than PERF_P99, or visits cannot begin when they are due. The percentiles are those of the whole run, so that the end comes somewhat
// after the breaking point. Default: from 10 to 2,000 visits a second in 10 minutes. A run that gets there passes.
import exec from "k6/execution";
import { Gauge } from "k6/metrics";
import { everyRoute, options as common, p99, ramping, rateOr, secondsOr, visit as once } from "./rating.js";
import { report } from "./report.js";

export { setup, teardown } from "./rating.js";

const from = 10;
const rate = rateOr(2000);
const seconds = secondsOr(600);

const planned = new Gauge("planned_rate");

// visit notes at which rate visits begin.
export function visit(data) {
  planned.add(from + (rate - from) * exec.scenario.progress);
  once(data);
}

// abort ends the run, but not in its first moments, when one slow answer is one of a hundred.
const abort = (threshold) => [{ threshold, abortOnFail: true, delayAbortEval: `${Math.min(10, seconds / 10)}s` }];

export const options = common(
  { breakpoint: ramping(from, [[rate, seconds]]) },
  {
    ...everyRoute,
    "http_req_failed{scenario:breakpoint}": abort("rate<0.01"),
    "http_req_duration{scenario:breakpoint}": abort(`p(99)<${p99}`),
    dropped_iterations: abort("count<10"),
  },
);

export const handleSummary = report("breakpoint");
