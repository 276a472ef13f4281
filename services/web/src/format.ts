// How values are written for people.

const dates = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const exactDates = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const numbers = new Intl.NumberFormat();
const averages = new Intl.NumberFormat(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

export const formatDate = (time: string): string => dates.format(new Date(time));
export const formatExactDate = (time: string): string => exactDates.format(new Date(time));
export const formatNumber = (value: number): string => numbers.format(value);
export const formatAverage = (value: number): string => averages.format(value);

/** Writes a number with its noun: "1 rating", "1,200 ratings". */
export const count = (value: number, noun: string): string => `${formatNumber(value)} ${noun}${value === 1 ? "" : "s"}`;

/** Returns up to two letters that stand for a name. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const ends = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return ends
    .map((word) => [...(word ?? "")][0] ?? "")
    .join("")
    .toUpperCase();
}
