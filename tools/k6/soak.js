// Does it stay as it is? A moderate load for long: what leaks shows in latency here, and in the memory that monitoring has. Default:
// 20 visits a second for an hour.
import { constant, options as common, rateOr, secondsOr, steady } from "./rating.js";
import { report } from "./report.js";

export { setup, teardown, visit } from "./rating.js";

export const options = common({ soak: constant(rateOr(20), secondsOr(3600)) }, steady);

export const handleSummary = report("soak");
