// What the pages show, and how one kind of change touches another.
import { effect } from "@preact/signals";
import {
  getRatingSummary,
  type NameQuery,
  type Rating,
  type RatingQuery,
  type RatingSummary,
  ratingBackend,
  type Service,
  serviceBackend,
  type User,
  userBackend,
} from "./backend";
import type { Change } from "./change";
import { Collection } from "./collection";
import { Item } from "./query";
import { actAs, actingUser, canPick, ownUser, session } from "./session";
import { onChange, onReturn } from "./tabs";

const hasPrefix = (item: { displayName: string }, { displayNamePrefix = "" }: NameQuery) =>
  item.displayName.toLowerCase().startsWith(displayNamePrefix.toLowerCase());

export const users = new Collection<User, NameQuery>("users", userBackend, hasPrefix);
export const services = new Collection<Service, NameQuery>("services", serviceBackend, hasPrefix);
export const ratings = new Collection<Rating, RatingQuery>(
  "ratings",
  ratingBackend,
  (rating, { user, service }) => (!user || rating.user === user) && (!service || rating.service === service),
);

const summaries = new Map<Item<RatingSummary>, string>();

/** Returns the distribution of a service's ratings, which moves with them, until close is called. */
export function summary(service: string): { item: Item<RatingSummary>; close(): void } {
  const item = new Item<RatingSummary>(
    (signal) => getRatingSummary(service, signal),
    (value) =>
      summarize(
        value,
        ratings.changes.value.map((change) => of(service, change)),
      ),
  );
  summaries.set(item, service);
  const close = () => {
    item.stop();
    summaries.delete(item);
  };
  return { item, close };
}

ratings.onSettled((change) => {
  for (const [item, service] of summaries) item.settle((value) => summarize(value, [of(service, change)]));
});

/** Returns the part of a change that is about a service. */
function of(service: string, { before, after }: Change<Rating>): Change<Rating> {
  return { ...(before?.service === service && { before }), ...(after?.service === service && { after }) };
}

/** Returns what a summary will be once its service's ratings are changed. */
export function summarize(value: RatingSummary, changes: readonly Change<Rating>[]): RatingSummary {
  if (!changes.some(({ before, after }) => before || after)) return value;
  const counts = new Map(value.scoreCounts.map(({ score, count }) => [score, Number(count)]));
  const add = (score: number, by: number) => counts.set(score, Math.max(0, (counts.get(score) ?? 0) + by));
  for (const { before, after } of changes) {
    if (before) add(before.score, -1);
    if (after) add(after.score, 1);
  }
  let total = 0;
  let sum = 0;
  for (const [score, count] of counts) {
    total += count;
    sum += score * count;
  }
  return {
    ...value,
    averageScore: total ? sum / total : 0,
    ratingCount: String(total),
    scoreCounts: [...counts].map(([score, count]) => ({ score, count: String(count) })),
  };
}

/** Finds out whom the signed-in person owns. */
export async function findOwnUser(): Promise<void> {
  try {
    ownUser.value = (await users.get("users/me")).name;
  } catch {
    ownUser.value = ""; // nobody yet, or it cannot be told now
  }
}

effect(() => {
  if (session.value?.signedIn) void findOwnUser();
});

users.onSettled(({ before, after }) => {
  if (before && !after && before.name === actingUser.value) actAs("");
  if (!before && after && !canPick.value && !actingUser.value) actAs(after.name); // who creates a user owns it
});

const refreshSummaries = () => {
  for (const item of summaries.keys()) void item.refresh();
};

onChange((kind) => {
  // Deletions reach what belongs to the deleted.
  if (kind === "users") users.refresh();
  if (kind !== "users") services.refresh();
  ratings.refresh();
  refreshSummaries();
});

onReturn(() => {
  for (const collection of [users, services, ratings]) collection.refresh();
  refreshSummaries();
});
