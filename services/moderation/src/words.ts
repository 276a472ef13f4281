import { readFile } from "node:fs/promises";

import { fold } from "./rules.js";

/** The list that is used where none is given: a beginning, of words that are rude wherever they stand. */
const builtIn = ["arschloch", "asshole", "bastard", "bullshit", "connard", "fuck", "fucking", "gilipollas", "scheiße", "shit", "wanker"];

/** The words of a file, one a line, "#" before comments; without a file the built-in ones. */
export async function listedWords(file: string | undefined): Promise<ReadonlySet<string>> {
  const lines = file === undefined ? builtIn : (await readFile(file, "utf8")).split("\n");
  return new Set(lines.map((line) => line.replace(/#.*/, "").trim()).filter((line) => line !== "").map(fold));
}
