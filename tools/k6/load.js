// Is it fast enough under the load of an ordinary day? The load comes up in a tenth of the time and stays. Default: 100 visits a
// second for 2 minutes.
import { options as common, ramping, rateOr, secondsOr, steady } from "./rating.js";
import { report } from "./report.js";

export { setup, teardown, visit } from "./rating.js";

const rate = rateOr(100);
const seconds = secondsOr(120);

const stages = [
  [rate, seconds * 0.1],
  [rate, seconds * 0.9],
];

export const options = common({ load: ramping(1, stages) }, steady);

export const handleSummary = report("load");
