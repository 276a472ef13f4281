import type { RatingSummary } from "../backend";
import { count, formatNumber } from "../format";
import { scores } from "./score";

const rows = [...scores].reverse();
const rowHeight = 26;
const barLeft = 22;
const barWidth = 254;

const countsOf = (summary: RatingSummary) =>
  new Map(summary.scoreCounts.map(({ score, count: n }) => [score, Number(n)]));

/** Says a distribution in words: "5: 2 ratings, 4: 1 rating, …". */
export function describe(summary: RatingSummary): string {
  const counts = countsOf(summary);
  return rows.map((score) => `${score}: ${count(counts.get(score) ?? 0, "rating")}`).join(", ");
}

/** Draws how many ratings gave each score: bars whose length is relative to the longest. */
export function Distribution({ summary }: { summary: RatingSummary }) {
  const counts = countsOf(summary);
  const most = Math.max(...counts.values(), 1);
  return (
    <svg
      class="distribution"
      viewBox={`0 0 320 ${rowHeight * rows.length}`}
      role="img"
      aria-label={`Distribution of the scores. ${describe(summary)}`}
    >
      {rows.map((score, index) => {
        const ratings = counts.get(score) ?? 0;
        return (
          <g key={score} transform={`translate(0 ${index * rowHeight})`}>
            <text class="bar-label" x="8" y="17" text-anchor="middle">
              {score}
            </text>
            <rect class="bar-track" x={barLeft} y="7" width={barWidth} height="12" rx="6" />
            {ratings > 0 && (
              <rect
                class="bar"
                x={barLeft}
                y="7"
                width={Math.max((barWidth * ratings) / most, 12)}
                height="12"
                rx="6"
              />
            )}
            <text class="bar-count" x={barLeft + barWidth + 10} y="17">
              {formatNumber(ratings)}
            </text>
          </g>
        );
      })}
    </svg>
  );
}

/** Draws the same very small, as columns from 0 to 5. */
export function SmallDistribution({ summary }: { summary: RatingSummary }) {
  const counts = countsOf(summary);
  const most = Math.max(...counts.values(), 1);
  return (
    <svg
      class="small-distribution"
      width="58"
      height="28"
      viewBox="0 0 58 28"
      role="img"
      aria-label={describe(summary)}
    >
      {scores.map((score) => {
        const height = Math.max((26 * (counts.get(score) ?? 0)) / most, 2);
        return (
          <rect
            key={score}
            class={counts.get(score) ? "bar" : "bar-track"}
            x={score * 10}
            y={28 - height}
            width="8"
            height={height}
            rx="1.5"
          />
        );
      })}
    </svg>
  );
}
