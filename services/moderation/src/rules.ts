/** The rules by which a comment is judged. They are pure functions of its text and a list of words. */
import { create } from "@bufbuild/protobuf";

import { type Finding, Finding_Rule as Rule, FindingSchema } from "./gen/moderation/v1/moderation_pb.js";

/** A text that breaks a rule, by its place in UTF-16 units. */
interface Match {
  readonly rule: Rule;
  readonly start: number;
  readonly end: number;
}

/** The least digits of a telephone number: shorter ones are prices, years and the like. */
const phoneDigits = 9;

/** The least capital letters, in two words or more, that are shouting. */
const shoutedLetters = 8;

/** Links with a scheme or "www.", and names in the top-level domains that advertisements mostly use. */
const links = /(?:https?:\/\/|www\.)[^\s<>"]+|(?<![\p{L}\p{N}@.-])(?:[\p{L}\p{N}-]+\.)+(?:com|net|org|info|biz|io|shop|online|site|xyz|de|ru|cn)(?![\p{L}\p{N}@-])(?:\/[^\s<>"]*)?/giu;
const addresses = /[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/gu;
const phones = /(?<![\p{L}\p{N}])\+?\(?\d[\d ()./-]{6,30}\d(?![\p{L}\p{N}])/gu;
/** Words of capital letters, at least two; letters of scripts without cases are none. */
const capitals = /(?<!\p{L})\p{Lu}{2,}(?:[^\p{L}\n]+\p{Lu}+(?!\p{L}))+/gu;
const repeatedCharacter = /([\p{L}!?])\1{4,}/giu;
const repeatedWord = /(?<!\p{L})(\p{L}+)(?:[^\p{L}]+\1(?!\p{L})){3,}/giu;
const words = /\p{L}+/gu;

/** What a comment's author may want to change, in the order of its first place. listed has words as fold makes them. */
export function check(comment: string, listed: ReadonlySet<string>): Finding[] {
  const matches = [
    ...find(Rule.LINK, comment, links),
    ...find(Rule.CONTACT, comment, addresses),
    ...find(Rule.CONTACT, comment, phones).filter((match) => count(textOf(comment, match), /\d/g) >= phoneDigits),
    ...find(Rule.SHOUTING, comment, capitals).filter((match) => count(textOf(comment, match), /\p{Lu}/gu) >= shoutedLetters),
    ...find(Rule.REPETITION, comment, repeatedCharacter),
    ...find(Rule.REPETITION, comment, repeatedWord),
    ...find(Rule.PROFANITY, comment, words).filter((match) => listed.has(fold(textOf(comment, match)))),
  ];
  matches.sort((a, b) => a.start - b.start || a.rule - b.rule);
  return matches.map((match) =>
    create(FindingSchema, { rule: match.rule, text: textOf(comment, match), offset: [...comment.slice(0, match.start)].length }),
  );
}

/** A word without what makes no difference: case, compatibility forms and accents. */
export function fold(word: string): string {
  return word.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replaceAll("ß", "ss");
}

function find(rule: Rule, comment: string, expression: RegExp): Match[] {
  return Array.from(comment.matchAll(expression), (match) => ({ rule, start: match.index, end: match.index + match[0].length }));
}

function textOf(comment: string, match: Match): string {
  return comment.slice(match.start, match.end);
}

function count(text: string, expression: RegExp): number {
  return text.match(expression)?.length ?? 0;
}
