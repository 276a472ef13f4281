// What the app shows in pictures and in the tests of its looks: the same each time.
import { api } from "./chromium.js";

const people = [
  ["Ada Lovelace", "ada@example.org"],
  ["Grace Hopper", "grace@example.org"],
  ["Alan Turing", ""],
  ["Katherine Johnson", "katherine@example.org"],
  ["Edsger Dijkstra", ""],
];

const things = [
  ["Café Central", "Coffee, cake and newspapers since 1876.", [5, 4, 5, 3, 4]],
  ["Night Train", "A film by night, under the open sky.", [2, 3, 0, 4]],
  ["Books & Bicycles", "Second-hand books downstairs, bicycle repairs upstairs.", [5, 5, 4]],
  ["Paper Moon", "Stationery by post.", [3]],
  ["Old Observatory", "Guided tours on clear nights.", []],
];

const comments = [
  "The best flat white in town, and a window seat in the sun.",
  "Friendly, quick, a bit loud at noon.",
  "Good, though the queue is long at weekends.",
  "",
  "Would come again.",
];

/** Creates users, services and ratings, and returns the names of the first user and service. */
export async function seed() {
  const users = [];
  for (const [displayName, email] of people) users.push((await api("POST", "/users", { displayName, email })).name);
  const services = [];
  for (const [displayName, description, scores] of things) {
    const { name } = await api("POST", "/services", { displayName, description });
    services.push(name);
    for (const [i, score] of scores.entries()) {
      await api("POST", "/ratings", { user: users[i], service: name, score, comment: comments[i] });
    }
  }
  return { user: users[0], service: services[0], unrated: services[services.length - 1] };
}
