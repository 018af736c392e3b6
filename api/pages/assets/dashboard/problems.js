/** The API's problems in the reader's language. In English its own sentences stay: they say more. */

import { LANGUAGE, later, t } from "./language.js";
import { quoted } from "./words.js";

// By the last part of a problem's type: its title and a sentence.
const PROBLEMS = {
  "bad-header": [later("Bad request"), later("The server did not understand this request. Reload the page.")],
  "body-too-large": [later("Too large"), later("That is more than the server accepts at once.")],
  conflict: [later("Not possible now"), later("There is one already, or something else is in the way.")],
  "database-away": [later("Out of reach"), later("The server cannot reach its database. Try again in a moment.")],
  "discord-away": [later("Discord does not answer"), later("Discord does not answer. Try again in a moment.")],
  forbidden: [later("Not allowed"), later("You may not do this here.")],
  invalid: [later("Something is missing or wrong"), later("Look at what you entered.")],
  "missing-scope": [later("Not allowed"), later("You may not do this here. Ask somebody who manages this guild.")],
  "module-conflict": [later("Not possible now"), later("Stored settings would no longer be valid.")],
  "not-found": [later("Not found"), later("It does not exist, or you may not see it.")],
  overloaded: [later("Too much to do"), later("The server has too much to do. Try again in a moment.")],
  "precondition-failed": [later("Someone saved before you."), later("It has changed since you opened it. Reload the page.")],
  "slug-taken": [later("Short name taken"), later("Another guild has this short name. Choose another.")],
  "too-many-requests": [later("Too many requests"), later("That was too fast. Wait a moment, and try again.")],
  unauthorized: [later("Not logged in"), later("You are not logged in.")],
};

// What is wrong with a value. `{a}` and `{b}` stand for what the server fills in.
const FAULTS = [
  later("is less than {a}"),
  later("is more than {a}"),
  later("is not more than {a}"),
  later("is not less than {a}"),
  later("is not a multiple of {a}"),
  later("is shorter than {a} characters"),
  later("is longer than {a} characters"),
  later("has fewer than {a} items"),
  later("has more than {a} items"),
  later("has an item twice"),
  later("is not of type {a}"),
  later("is not one of {a}"),
  later("does not match the pattern {a}"),
  later("is required"),
  later("is required if the mode is `channel`"),
  later("is named more than once"),
  later("names a role that already has a multiplier"),
  later("names a channel that already has a multiplier"),
  later("names a role that this level already gives"),
  later("names a stat that is in the list already"),
  later("needs a letter: an address of digits alone is a guild's id"),
  later("has the unknown placeholder {a}"),
  later("has a single brace that belongs to no placeholder; write {{ and }} for braces"),
  later("has no role with this id"),
  later("has no channel with this id"),
  later("does not rise: level {a} is not above {b}"),
  later("is not above the threshold before it"),
  later("rises above 2^53 XP at level {a}"),
  later("has more than {a} comparisons"),
  later("is more than {a} groups deep"),
  later("is not possible with `{a}`, since it is not counted by day"),
  later("can never be reached: the highest `{a}` is {b}"),
  later("makes a circle: it needs `{a}`"),
  later("is the achievement itself"),
  later("is not an achievement of this guild or of the installation"),
  later("needs a number"),
  later("must be a whole number"),
].map((english) => [english, patternOf(english)]);

function patternOf(english) {
  const parts = english.split(/\{([ab])\}/);
  return new RegExp(`^${parts.map((part, place) => (place % 2 === 1 ? `(?<${part}>.+)` : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))).join("")}$`);
}

const isEnglish = LANGUAGE === "en";

/** `{title, detail}` of a problem for people. */
export function problemTexts(status, body) {
  const known = PROBLEMS[body?.type?.split("/").at(-1)];
  if (isEnglish || known === undefined) {
    return { title: body?.title ?? t("Something went wrong"), detail: body?.detail ?? body?.title ?? t("The server answered with status {status}.", { status }) };
  }
  return { title: t(known[0]), detail: t(known[1]) };
}

/** A fault of a value for people. */
export function faultText(message) {
  if (isEnglish) return quoted(message);
  for (const [english, pattern] of FAULTS) {
    const found = pattern.exec(message);
    if (found) return quoted(t(english, found.groups));
  }
  return quoted(message);
}
