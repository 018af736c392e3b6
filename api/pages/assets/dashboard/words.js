/** Numbers, times and values as people read them. */

const numbers = new Intl.NumberFormat("en");
const percents = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });

export const STATS = {
  xp: "XP",
  messages: "Messages",
  voice_seconds: "Voice time",
  reactions: "Reactions",
  commands: "Commands",
};

export const number = (value) => numbers.format(value);
export const percent = (share) => percents.format(share);

/** `duels_won` is "Duels won". */
export function humanized(name) {
  const words = String(name).replaceAll(/[_-]+/g, " ").trim();
  return words === "" ? String(name) : words[0].toUpperCase() + words.slice(1);
}

export const statName = (stat) => (Object.hasOwn(STATS, stat) ? STATS[stat] : humanized(stat));

/** A stat's value: time in voice as hours and minutes, all else as a number. */
export function amount(stat, value) {
  return stat === "voice_seconds" ? duration(value) : number(value);
}

function duration(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return `${number(seconds)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 1 ? `${minutes} min` : `${number(hours)} h ${minutes % 60} min`;
}

/** The formatter of a guild's timezone; of UTC where this browser does not know it. */
function formatter(timeZone, options) {
  try {
    return new Intl.DateTimeFormat("en", { ...options, timeZone });
  } catch {
    return new Intl.DateTimeFormat("en", { ...options, timeZone: "UTC" });
  }
}

/** A moment, in the reader's own timezone. */
export function moment(text) {
  return text === null ? "never" : new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" }).format(new Date(text));
}

/** The day of a moment, in the reader's own timezone. */
export function day(text) {
  return text === null ? "never" : new Intl.DateTimeFormat("en", { dateStyle: "medium" }).format(new Date(text));
}

/** The day, or the hour, at which a bucket of a guild's time series begins. */
export function bucketName(text, bucket, timeZone) {
  const options = bucket === "hour" ? { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" } : { day: "numeric", month: "short" };
  return formatter(timeZone, options).format(new Date(text));
}

/** A day as the API names it, `2026-11-16`; `days` later. */
export function dayAfter(day, days) {
  const moved = new Date(`${day}T00:00:00Z`);
  moved.setUTCDate(moved.getUTCDate() + days);
  return moved.toISOString().slice(0, 10);
}

export function dayName(day) {
  return formatter("UTC", { day: "numeric", month: "short", year: "numeric" }).format(new Date(`${day}T00:00:00Z`));
}

/** Who did it, for the history and the audit log. */
export function actorName(actor, me) {
  if (actor.kind === "user") return actor.id === me.id ? "you" : `person ${actor.id ?? "who was erased"}`;
  if (actor.kind === "key") return `a bot, with key ${actor.id}`;
  return actor.kind === "admin" ? `admin ${actor.id ?? ""}` : "Guildhall itself";
}

/** Any JSON value in words. `names`: of roles and channels, by id. */
export function inWords(value, names = new Map()) {
  if (value === null || value === undefined) return "none";
  if (value === true) return "yes";
  if (value === false) return "no";
  if (typeof value === "number") return number(value);
  if (typeof value === "string") return names.get(value) ?? (value === "" ? "empty" : value);
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map((item) => inItem(item, names)).join(", ");
  const members = Object.entries(value).map(([name, item]) => `${humanized(name).toLowerCase()}: ${inWords(item, names)}`);
  return members.length === 0 ? "none" : members.join("; ");
}

const inItem = (item, names) => (typeof item === "object" && item !== null ? `(${inWords(item, names)})` : inWords(item, names));

/** What a member is called; null while nobody has said. */
export const nameOf = (member) => member.display_name ?? member.username;
