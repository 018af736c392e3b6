/** Bars over time. A screen reader gets a sentence, and a table with every value. */

import { h, svg } from "./dom.js";
import { later, t } from "./language.js";
import { amount, bucketName, statName } from "./words.js";

const HEIGHT = 100;
const STEP = 10;
const BUCKETS = { hour: t("in one hour"), day: t("in one day"), week: t("in one week") };
const COLUMNS = { hour: t("Hour"), day: t("Day"), week: t("Week from") };
const TABLES = { hour: later("{stat} by hour"), day: later("{stat} by day"), week: later("{stat} by week") };

/** `items`: the buckets of a time series, in order. */
export function chart({ items, stat, bucket, timeZone }) {
  const values = items.map((item) => item[stat]);
  const top = Math.max(...values, 0);
  const total = values.reduce((sum, value) => sum + value, 0);
  const name = (item) => bucketName(item.at, bucket, timeZone);
  const sentence = total === 0
    ? t("{stat}: nothing in this time.", { stat: statName(stat) })
    : t("{stat}: {total} in all, {most} at most {bucket} ({time}).", { stat: statName(stat), total: amount(stat, total), most: amount(stat, top), bucket: BUCKETS[bucket], time: name(items[values.indexOf(top)]) });
  return h(
    "figure",
    { class: "chart" },
    h("figcaption", {}, sentence),
    total > 0 && drawing(items, { stat, bucket, top, name }),
  );
}

function drawing(items, { stat, bucket, top, name }) {
  return [
    h("p", { class: "axis top", "aria-hidden": "true" }, h("span", {}, amount(stat, top))),
    svg(
      "svg",
      { viewBox: `0 0 ${items.length * STEP} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
      items.map((item, index) => barOf(item, { index, top, stat, text: `${name(item)}: ${amount(stat, item[stat])}` })),
    ),
    items.length > 0 &&
      h("p", { class: "axis", "aria-hidden": "true" }, [items[0], items[Math.floor((items.length - 1) / 2)], items.at(-1)].map((item) => h("span", {}, name(item)))),
    h("details", {}, h("summary", { id: "chart-table" }, t("As a table")), table(items, { stat, bucket, name })),
  ];
}

function barOf(item, { index, top, stat, text }) {
  const height = top === 0 ? 0 : Math.max((item[stat] / top) * HEIGHT, item[stat] > 0 ? 1 : 0);
  // The clear rectangle behind it shows the value wherever the pointer is in the column.
  return svg(
    "g",
    {},
    svg("title", {}, text),
    svg("rect", { class: "column", x: index * STEP, y: 0, width: STEP, height: HEIGHT }),
    svg("rect", { class: "value", x: index * STEP + 1, y: HEIGHT - height, width: STEP - 2, height }),
  );
}

function table(items, { stat, bucket, name }) {
  return h(
    "div",
    { class: "scroll tall", tabindex: "0", role: "region", "aria-label": t(TABLES[bucket], { stat: statName(stat) }) },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, COLUMNS[bucket]), h("th", { scope: "col", class: "number" }, statName(stat)))),
      h("tbody", {}, items.map((item) => h("tr", {}, h("th", { scope: "row" }, name(item)), h("td", { class: "number" }, amount(stat, item[stat]))))),
    ),
  );
}
