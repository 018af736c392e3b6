/** Messages by weekday and hour: a table whose cells are the darker the more was written. */

import { h } from "./dom.js";
import { date, number, t, tn } from "./language.js";
import { emptyState } from "./screen.js";

// As English puts them: `placer` asks for them so.
const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONDAY = Date.UTC(2024, 0, 1);
const DAY = 24 * 3600 * 1000;
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

/** `items`: buckets of an hour, of the last `days` days. Weekdays and hours are the guild's. */
export function heatMap(items, { guild, days }) {
  const sums = DAYS.map(() => HOURS.map(() => 0));
  const placeOf = placer(guild.timezone);
  for (const item of items) {
    const [day, hour] = placeOf(new Date(item.at));
    sums[day][hour] += item.messages;
  }
  const top = Math.max(...sums.flat());
  if (top === 0) return emptyState(tn("No messages in the last {count} day.", "No messages in the last {count} days.", days));
  const day = sums.findIndex((hours) => hours.includes(top));
  const cell = (sum, hour, name) => {
    const node = h("td", { title: tn("{day} {hour}:00: {count} message", "{day} {hour}:00: {count} messages", sum, { day: name, hour }) }, h("span", { class: "unseen" }, number(sum)));
    node.style.setProperty("--share", `${Math.round((sum / top) * 100)}%`);
    return node;
  };
  return h(
    "figure",
    { class: "heat" },
    h("figcaption", {}, t("Messages of the last {days} days. Most are written on {day} at {hour}:00.", { days, day: dayName(day, "long"), hour: sums[day].indexOf(top) })),
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": t("Messages by weekday and hour") },
      h(
        "table",
        {},
        h("thead", {}, h("tr", {}, h("td", {}), HOURS.map((hour) => h("th", { scope: "col" }, String(hour))))),
        h("tbody", {}, sums.map((hours, place) => h("tr", {}, h("th", { scope: "row" }, dayName(place)), hours.map((sum, hour) => cell(sum, hour, dayName(place)))))),
      ),
    ),
  );
}

const dayName = (place, weekday = "short") => date(MONDAY + place * DAY, { weekday, timeZone: "UTC" });

/** Gives `[weekday, hour]` of a moment in a timezone; in UTC where this browser does not know it. */
function placer(timeZone) {
  const options = { weekday: "short", hour: "numeric", hourCycle: "h23" };
  let format;
  try {
    format = new Intl.DateTimeFormat("en", { ...options, timeZone });
  } catch {
    format = new Intl.DateTimeFormat("en", { ...options, timeZone: "UTC" });
  }
  return (moment) => {
    const parts = Object.fromEntries(format.formatToParts(moment).map(({ type, value }) => [type, value]));
    return [DAYS.indexOf(parts.weekday), Number(parts.hour)];
  };
}
