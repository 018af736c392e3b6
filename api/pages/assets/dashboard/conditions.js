/** Conditions of achievements, in words. */

import { amount, statName } from "./words.js";

/** `messages ≥ 100 within 7 days`, read as a person would say it. */
function comparison({ stat, gte, within }) {
  return `${statName(stat)} of at least ${amount(stat, gte)}${within ? ` within ${window(within)}` : ""}`;
}

function window(within) {
  const days = Number.parseInt(within, 10);
  return days === 1 ? "a day" : `${days} days`;
}

/** A tree of `all`, `any` and comparisons as nested lists of texts: `{text, parts}`. */
export function outline(condition) {
  if (condition.all) return { text: condition.all.length === 1 ? "" : "All of:", parts: condition.all.map(outline) };
  if (condition.any) return { text: condition.any.length === 1 ? "" : "Any of:", parts: condition.any.map(outline) };
  return { text: comparison(condition), parts: [] };
}

/** One comparison of a member: what it is now, of what it has to be. */
export function leafText(leaf) {
  const time = leaf.within ? ` within ${window(leaf.within)}` : "";
  return `${statName(leaf.stat)}${time}: ${amount(leaf.stat, leaf.value)} of ${amount(leaf.stat, leaf.gte)}`;
}

/** How rare it is, as a word beside the number. */
export function rarityWord(share) {
  if (share === 0) return "nobody yet";
  if (share < 0.01) return "legendary";
  if (share < 0.05) return "very rare";
  if (share < 0.2) return "rare";
  return share < 0.5 ? "uncommon" : "common";
}
