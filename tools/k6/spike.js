// What if ten times as many come at once? A third of the time a steady load, a third ten times that, then the steady load again. In
// the spike requests may be refused (429, 503), but must not fail otherwise; before it, and after it when a moment has passed,
// everything is as ever. Default: 20 visits a second and 200 in the spike, 90 seconds in all.
import { constant, everyRoute, options as common, p99, rateOr, secondsOr } from "./rating.js";
import { report } from "./report.js";

export { setup, teardown, visit } from "./rating.js";

const rate = rateOr(20);
const third = secondsOr(90, 6) / 3;
const recovery = Math.min(5, third / 2);

const calm = (scenario) => ({
  [`checks{scenario:${scenario}}`]: ["rate>0.999"],
  [`http_req_failed{scenario:${scenario}}`]: ["rate<0.001"],
  [`http_req_duration{scenario:${scenario}}`]: [`p(99)<${p99}`],
});

export const options = common(
  {
    before: constant(rate, third),
    spike: constant(10 * rate, third, third),
    after: constant(rate, third - recovery, 2 * third + recovery),
  },
  { ...everyRoute, ...calm("before"), ...calm("after"), unexpected_failures: ["count<1"], dropped_iterations: ["count<1"] },
);

export const handleSummary = report("spike");
