import { formatAverage } from "../format";

export const maxScore = 5;
export const scores = [0, 1, 2, 3, 4, 5] as const;

/** What each score means. */
export const scoreNames = ["Terrible", "Poor", "Fair", "Good", "Very good", "Excellent"] as const;

const star = "M10 1.6l2.6 5.3 5.8.8-4.2 4.1 1 5.8-5.2-2.7-5.2 2.7 1-5.8-4.2-4.1 5.8-.8z";

/** Draws a score as five stars. It is for the eye: the number stands beside it. */
export function Stars({ score, size = 18 }: { score: number; size?: number }) {
  return (
    <svg
      class="stars"
      width={size * maxScore + 8}
      height={size}
      viewBox={`0 0 ${20 * maxScore + 8} 20`}
      aria-hidden="true"
    >
      {scores.slice(1).map((number) => {
        const part = Math.min(Math.max(score - number + 1, 0), 1);
        return (
          <g key={number} transform={`translate(${(number - 1) * 22} 0)`}>
            <path class="star-empty" d={star} />
            {part > 0 && (
              <svg width={20 * part} height="20" viewBox={`0 0 ${20 * part} 20`} aria-hidden="true">
                <path class="star-full" d={star} />
              </svg>
            )}
          </g>
        );
      })}
    </svg>
  );
}

/** Shows one rating's score. */
export function Score({ score }: { score: number }) {
  return (
    <span class="score">
      <Stars score={score} />
      <span class="score-number">
        {score}
        <span class="hidden"> of 5: {scoreNames[score]}</span>
      </span>
    </span>
  );
}

/** Shows the mean of a service's scores, or that it has none. */
export function Average({ average, ratingCount }: { average: number; ratingCount: number }) {
  if (!ratingCount) return <span class="muted">No ratings yet</span>;
  return (
    <span class="score">
      <Stars score={average} />
      <span class="score-number">
        <span class="hidden">Average </span>
        {formatAverage(average)}
        <span class="hidden"> of 5</span>
      </span>
    </span>
  );
}

/** Lets the person choose a score by pointer or arrow keys. */
export function ScoreInput({
  id,
  value,
  onChange,
  describedBy,
  invalid,
}: {
  id: string;
  value: number | undefined;
  onChange: (score: number) => void;
  describedBy?: string | undefined;
  invalid?: boolean;
}) {
  return (
    <fieldset class="score-input" aria-describedby={describedBy} aria-invalid={invalid}>
      <legend>
        Score
        <span class="score-name" aria-hidden="true">
          {value === undefined ? "" : scoreNames[value]}
        </span>
      </legend>
      <div class="score-choices">
        {scores.map((score) => (
          <label key={score}>
            <input
              id={score === 0 ? id : undefined}
              type="radio"
              name={id}
              value={score}
              checked={value === score}
              onChange={() => onChange(score)}
            />
            <span class="score-choice">
              {score}
              <span class="hidden"> {scoreNames[score]}</span>
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
