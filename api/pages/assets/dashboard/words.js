/** Stats, times and values as people read them. */

import { date, number, t } from "./language.js";

export const STATS = {
  xp: t("XP"),
  messages: t("Messages"),
  voice_seconds: t("Voice time"),
  reactions: t("Reactions"),
  commands: t("Commands"),
};

const NAMES = { xp: STATS.xp, mee6: "MEE6" };

/** What the API's texts have between backticks stands in quotation marks. */
export const quoted = (text) => text.replaceAll(/`([^`]+)`/g, (all, name) => t("“{name}”", { name }));

/** `duels_won` is "Duels won". What Guildhall itself has names for is translated. */
export function humanized(name) {
  if (Object.hasOwn(NAMES, name)) return NAMES[name];
  const words = String(name).replaceAll(/[_-]+/g, " ").trim();
  return words === "" ? String(name) : t(words[0].toUpperCase() + words.slice(1));
}

// These are numbers of members, too, but have no leaderboards.
const OTHERS = { level: t("Level"), streak: t("Streak") };

export const statName = (stat) => (Object.hasOwn(STATS, stat) && STATS[stat]) || (Object.hasOwn(OTHERS, stat) && OTHERS[stat]) || humanized(stat);

/** A stat's value: time in voice as hours and minutes, all else as a number. */
export function amount(stat, value) {
  return stat === "voice_seconds" ? duration(value) : number(value);
}

function duration(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return t("{seconds} s", { seconds: number(seconds) });
  const hours = Math.floor(minutes / 60);
  return hours < 1 ? t("{minutes} min", { minutes }) : t("{hours} h {minutes} min", { hours: number(hours), minutes: minutes % 60 });
}

/** A moment, in the reader's own timezone. */
export function moment(text) {
  return text === null ? t("never") : date(new Date(text), { dateStyle: "medium", timeStyle: "short" });
}

/** The day of a moment, in the reader's own timezone. */
export function day(text) {
  return text === null ? t("never") : date(new Date(text), { dateStyle: "medium" });
}

/** The day, or the hour, at which a bucket of a guild's time series begins. */
export function bucketName(text, bucket, timeZone) {
  const options = bucket === "hour" ? { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" } : { day: "numeric", month: "short" };
  return date(new Date(text), { ...options, timeZone });
}

/** A day as the API names it, `2026-11-16`; `days` later. */
export function dayAfter(day, days) {
  const moved = new Date(`${day}T00:00:00Z`);
  moved.setUTCDate(moved.getUTCDate() + days);
  return moved.toISOString().slice(0, 10);
}

export function dayName(day) {
  return date(new Date(`${day}T00:00:00Z`), { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
}

/** Who did it, for the history and the audit log. */
export function actorName(actor, me) {
  if (actor.kind === "user") return personName(actor, me);
  if (actor.kind === "key") return t("a bot, with key {id}", { id: actor.id });
  return actor.kind === "admin" ? t("admin {id}", { id: actor.id ?? "" }) : t("Guildhall itself");
}

function personName({ id }, me) {
  if (id === me.id) return t("you");
  return id ? t("person {id}", { id }) : t("a person who was erased");
}

/** Any JSON value in words. `names`: of roles and channels, by id. */
export function inWords(value, names = new Map()) {
  if (value === null || value === undefined) return t("none");
  if (value === true) return t("yes");
  if (value === false) return t("no");
  if (typeof value === "number") return number(value);
  if (typeof value === "string") return names.get(value) ?? (value === "" ? t("empty") : value);
  if (Array.isArray(value)) return value.length === 0 ? t("none") : value.map((item) => inItem(item, names)).join(", ");
  const members = Object.entries(value).map(([name, item]) => `${humanized(name.replace(/_ids?$/, "")).toLowerCase()}: ${inWords(item, names)}`);
  return members.length === 0 ? t("none") : members.join("; ");
}

const inItem = (item, names) => (typeof item === "object" && item !== null ? `(${inWords(item, names)})` : inWords(item, names));

/** What a member is called; null while nobody has said. */
export const nameOf = (member) => member.display_name ?? member.username;
