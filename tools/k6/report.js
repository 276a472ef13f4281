// The report at the end of a run, of what k6 hands to handleSummary.
import { alwaysHold, routes } from "./rating.js";

// table lays out rows: the first column to the left, the others to the right.
function table(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows.map((row) => "  " + row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "));
}

// time writes milliseconds with three figures.
function time(milliseconds) {
  if (milliseconds === undefined) {
    return "-";
  }
  return milliseconds < 1000 ? `${Number(milliseconds.toPrecision(3))} ms` : `${Number((milliseconds / 1000).toPrecision(3))} s`;
}

const rate = (n, seconds) => (seconds > 0 ? n / seconds : 0).toFixed(1);

// shown is the value of a metric that a threshold such as "p(95)<250" is about.
function shown(metric, threshold) {
  const statistic = threshold.match(/^[a-z]+(\(\d+\))?/)[0];
  const value = metric.values[statistic];
  if (value === undefined) {
    return "nothing was measured";
  }
  return metric.contains === "time" ? time(value) : `${Number(value.toPrecision(4))}`;
}

// report returns the handleSummary of a script.
export function report(script) {
  return (data) => {
    const seconds = data.state.testRunDurationMs / 1000;
    const values = (name) => (data.metrics[name] || { values: {} }).values;
    const count = (name) => values(name).count || 0;

    const rows = [["route", "requests", "/s", "failed", "p50", "p95", "p99", "max"]];
    let requests = 0;
    let failed = 0;
    for (const route of routes) {
      const n = count(`http_reqs{name:${route}}`);
      const bad = values(`http_req_failed{name:${route}}`).passes || 0; // k6 calls a failed request one that passes
      const took = n > 0 ? values(`http_req_duration{name:${route}}`) : {};
      requests += n;
      failed += bad;
      rows.push([route, `${n}`, rate(n, seconds), `${bad}`, ...["med", "p(95)", "p(99)", "max"].map((s) => time(took[s]))]);
    }

    const thresholds = Object.entries(data.metrics).flatMap(([name, metric]) =>
      Object.entries(metric.thresholds || {}).filter(([text]) => !alwaysHold.includes(text)).map(([text, { ok }]) => ({ ok, text: `${name}: ${text}, and it is ${shown(metric, text)}` })),
    );
    const broken = thresholds.filter(({ ok }) => !ok);
    const visits = count("iterations");
    const dropped = count("dropped_iterations");
    const lines = [
      "",
      `${script}: ${broken.length === 0 ? "passed" : "FAILED"}`,
      "",
      `  visits    ${visits}, ${rate(visits, seconds)}/s in ${seconds.toFixed(1)} s`,
      `  requests  ${requests}, ${rate(requests, seconds)}/s`,
      `  failed    ${failed}`,
    ];
    for (const name of Object.keys(data.metrics).filter((name) => name.startsWith("status_")).sort()) {
      const status = name.slice("status_".length);
      lines.push(`            ${count(name)}: ${status === "0" ? "no answer" : `status ${status}`}`);
    }
    for (const check of (data.root_group?.checks ?? []).filter(({ fails }) => fails > 0)) {
      lines.push(`  not so    ${check.fails} of ${check.fails + check.passes}: ${check.name}`);
    }
    if (data.metrics.planned_rate) {
      lines.push(`  reached   ${Math.round(values("planned_rate").max)} visits a second`);
    }
    if (dropped > 0) {
      lines.push("", `  The load was not kept up: ${dropped} visits could not begin when they were due, since every virtual user was waiting for an answer.`);
    }
    lines.push("", ...table(rows), "", `  ${thresholds.length - broken.length} of ${thresholds.length} thresholds hold`);
    lines.push(...broken.map(({ text }) => `  broken: ${text}`), "", "");
    return { stdout: lines.join("\n") };
  };
}
