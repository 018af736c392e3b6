/** Conditions of achievements, in words. */

import { number, t, tn } from "./language.js";
import { amount, humanized, statName } from "./words.js";

const SAID = {
  messages: (count) => tn("{count} message", "{count} messages", count),
  reactions: (count) => tn("{count} reaction", "{count} reactions", count),
  commands: (count) => tn("{count} command", "{count} commands", count),
  voice_seconds: (seconds) => t("{time} in voice", { time: amount("voice_seconds", seconds) }),
  xp: (count) => t("{xp} XP", { xp: number(count) }),
  level: (level) => t("level {level}", { level: number(level) }),
  streak: (count) => tn("a streak of {count} day", "a streak of {count} days", count),
};

/** `1,000 messages within 7 days`. */
function comparison({ stat, gte, within }) {
  const said = Object.hasOwn(SAID, stat) ? SAID[stat](gte) : t("{stat} of {number}", { stat: humanized(stat).toLowerCase(), number: number(gte) });
  return within ? `${said} ${withinName(within)}` : said;
}

export function withinName(within) {
  return tn("within {count} day", "within {count} days", Number.parseInt(within, 10));
}

/** The whole condition as one sentence: `1,000 messages and (level 10 or a streak of 7 days)`. */
export function sentence(condition, isInner = false) {
  const parts = condition.all ?? condition.any;
  if (!parts) return comparison(condition);
  if (parts.length === 1) return sentence(parts[0], isInner);
  const said = parts.map((part) => sentence(part, true)).join(condition.all ? ` ${t("and")} ` : ` ${t("or")} `);
  return isInner ? `(${said})` : said;
}

/** One comparison of a member: what it is now, of what it has to be. */
export function leafText(leaf) {
  const time = leaf.within ? ` ${withinName(leaf.within)}` : "";
  return `${statName(leaf.stat)}${time}: ${t("{amount} of {all}", { amount: amount(leaf.stat, leaf.value), all: amount(leaf.stat, leaf.gte) })}`;
}

/** How rare it is, as a word beside the number. */
export function rarityWord(share) {
  if (share === 0) return t("nobody yet");
  if (share < 0.01) return t("legendary");
  if (share < 0.05) return t("very rare");
  if (share < 0.2) return t("rare");
  return share < 0.5 ? t("uncommon") : t("common");
}
