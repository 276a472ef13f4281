// Does everything work? A few visits, which call every route. Default: 5 visits a second for 10 seconds.
import { constant, options as common, rateOr, secondsOr, steady } from "./rating.js";
import { report } from "./report.js";

export { setup, teardown, visit } from "./rating.js";

export const options = common({ smoke: constant(rateOr(5), secondsOr(10)) }, steady);

export const handleSummary = report("smoke");
