/** Activity in time, of a guild or of one member: which stat, in which steps, as a chart and as a table. */

import { get } from "./api.js";
import { chart } from "./chart.js";
import { h, link } from "./dom.js";
import { t, tn } from "./language.js";
import { part } from "./screen.js";
import { STATS, statName } from "./words.js";

const DAY = 24 * 3600 * 1000;
const SPANS = {
  hour: { name: tn("{count} hour", "{count} hours", 48), count: 48, milliseconds: 2 * DAY },
  day: { name: tn("{count} day", "{count} days", 30), count: 30, milliseconds: null },
  week: { name: tn("{count} week", "{count} weeks", 26), count: 26, milliseconds: 26 * 7 * DAY },
};

/** `here(change)` gives the page's own address with `series` and `step` changed. */
export async function activityPart({ guild, path, route, here, again }) {
  const stat = Object.hasOwn(STATS, route.query.series) ? route.query.series : "messages";
  const bucket = Object.hasOwn(SPANS, route.query.step) ? route.query.step : "day";
  const { count, milliseconds } = SPANS[bucket];
  const from = milliseconds === null ? null : new Date(Date.now() - milliseconds).toISOString();
  const content = await part(get(path, { bucket, from }), {
    title: t("The chart could not be loaded."),
    draw: ({ body }) => {
      // The server answers with whole days: some of today's hours are yet to come.
      const items = body.items.filter((item) => bucket !== "hour" || Date.parse(item.at) <= Date.now()).slice(-count);
      return chart({ items, stat, bucket, timeZone: guild.timezone });
    },
    again,
  });
  return h(
    "section",
    { class: "activity", "aria-labelledby": "activity-title" },
    h("h2", { id: "activity-title" }, t("Activity")),
    h(
      "div",
      { class: "choices" },
      h(
        "label",
        { class: "field inline" },
        t("Shows"),
        " ",
        h(
          "select",
          { id: "series", onchange: (event) => location.assign(here({ series: event.target.value, step: bucket })) },
          Object.keys(STATS).map((name) => h("option", { value: name, selected: name === stat }, statName(name))),
        ),
      ),
      h(
        "nav",
        { class: "segments", "aria-label": t("Time") },
        Object.entries(SPANS).map(([name, span]) =>
          link(here({ series: stat, step: name }), span.name, { id: `step-${name}`, "aria-current": name === bucket ? "true" : null }),
        ),
      ),
    ),
    content,
  );
}
