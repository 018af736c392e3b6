/** Conditions of achievements, in words. */

import { amount, humanized, number, statName } from "./words.js";

const plural = (count, one, many) => `${number(count)} ${count === 1 ? one : many}`;

const SAID = {
  messages: (count) => plural(count, "message", "messages"),
  reactions: (count) => plural(count, "reaction", "reactions"),
  commands: (count) => plural(count, "command", "commands"),
  voice_seconds: (seconds) => `${amount("voice_seconds", seconds)} in voice`,
  xp: (count) => `${number(count)} XP`,
  level: (level) => `level ${number(level)}`,
  streak: (count) => `a streak of ${plural(count, "day", "days")}`,
};

/** `1,000 messages within 7 days`. */
function comparison({ stat, gte, within }) {
  const said = Object.hasOwn(SAID, stat) ? SAID[stat](gte) : `${humanized(stat).toLowerCase()} of ${number(gte)}`;
  return within ? `${said} within ${windowName(within)}` : said;
}

export function windowName(within) {
  const days = Number.parseInt(within, 10);
  return days === 1 ? "a day" : `${days} days`;
}

/** The whole condition as one sentence: `1,000 messages and (level 10 or a streak of 7 days)`. */
export function sentence(condition, isInner = false) {
  const parts = condition.all ?? condition.any;
  if (!parts) return comparison(condition);
  if (parts.length === 1) return sentence(parts[0], isInner);
  const said = parts.map((part) => sentence(part, true)).join(condition.all ? " and " : " or ");
  return isInner ? `(${said})` : said;
}

/** One comparison of a member: what it is now, of what it has to be. */
export function leafText(leaf) {
  const time = leaf.within ? ` within ${windowName(leaf.within)}` : "";
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
