/** A guild's board: any stat, any period, page by page; and what the guild did lately, as a chart. */

import { get, guildPath } from "./api.js";
import { activityPart } from "./activity.js";
import { h, heading, link } from "./dom.js";
import { number, t, tn } from "./language.js";
import { personLink } from "./people.js";
import { guildHref } from "./router.js";
import { emptyState } from "./screen.js";
import { customStats } from "./stats.js";
import { STATS, amount, dayAfter, dayName, statName } from "./words.js";

const PERIODS = { all: t("All time"), day: t("Day"), week: t("Week"), month: t("Month") };
const STEPS = {
  day: [t("Other days"), t("Earlier day"), t("Later day")],
  week: [t("Other weeks"), t("Earlier week"), t("Later week")],
  month: [t("Other months"), t("Earlier month"), t("Later month")],
};
const PAGE = 25;

export async function boardPage({ me, guild, route, again }) {
  const { stat = "xp", period = "all", at, around, cursor } = route.query;
  const here = (change) => guildHref(guild.id, "board", { stat, period, at, ...change });
  const query = { stat, period, at, around, limit: PAGE, cursor };
  const [{ body: board }, customs, activity] = await Promise.all([
    get(guildPath(guild.id, "/leaderboard"), query),
    customStats(guild),
    activityPart({ guild, path: guildPath(guild.id, "/activity"), route, here: (change) => here({ around, cursor, ...change }), again }),
  ]);
  const time = timeOf(board);
  return {
    title: t("Leaderboard of {name}", { name: guild.name }),
    concerns: (event) => event.type.startsWith("member.") || event.type === "import.finished" || event.module === "leveling",
    node: h(
      "div",
      {},
      heading(t("Leaderboard")),
      h(
        "section",
        { "aria-label": t("Which leaderboard") },
        h("div", { class: "choices" }, statChoice(stat, customs, here), periodChoice(period, here)),
        board.period !== "all" && steps(board, here),
      ),
      h("h2", { id: "board-title" }, `${statName(stat)}, ${time}`),
      board.items.length === 0
        ? emptyState(cursor ? t("Nobody is left on this page.") : t("Nobody is on this leaderboard yet. Members appear here as soon as the bot counts their activity."))
        : [table(board, { me, guild }), h("p", { class: "note" }, tn("{count} member on this leaderboard.", "{count} members on this leaderboard.", board.member_count))],
      h(
        "nav",
        { class: "pages", "aria-label": t("Pages of the leaderboard") },
        (cursor || around) && link(here(), t("First page"), { id: "first-page" }),
        board.next_cursor && link(here({ cursor: board.next_cursor }), t("Next page"), { id: "next-page" }),
        board.items.length > 0 && link(here({ around: me.id }), t("Where am I?"), { id: "where-am-i" }),
      ),
      activity,
    ),
  };
}

function timeOf(board) {
  if (board.from === null) return t("all time");
  return board.from === board.to ? dayName(board.from) : t("{from} to {to}", { from: dayName(board.from), to: dayName(board.to) });
}

function statChoice(stat, customs, here) {
  const stats = new Set([...Object.keys(STATS), ...customs, stat]);
  return h(
    "label",
    { class: "field inline" },
    t("Stat"),
    " ",
    h(
      "select",
      { id: "stat", onchange: (event) => location.assign(here({ stat: event.target.value })) },
      [...stats].map((name) => h("option", { value: name, selected: name === stat }, statName(name))),
    ),
  );
}

function periodChoice(period, here) {
  return h(
    "nav",
    { class: "segments", "aria-label": t("Period") },
    Object.entries(PERIODS).map(([name, text]) =>
      link(here({ period: name, at: null }), text, { id: `period-${name}`, "aria-current": name === period ? "true" : null }),
    ),
  );
}

/** To the period before and the one after, if that has begun. */
function steps(board, here) {
  const after = dayAfter(board.to, 1);
  const hasBegun = after <= new Date().toISOString().slice(0, 10);
  const [others, earlier, later] = STEPS[board.period];
  return h(
    "nav",
    { class: "pages", "aria-label": others },
    link(here({ at: dayAfter(board.from, -1) }), earlier, { id: "earlier" }),
    hasBegun && link(here({ at: after }), later, { id: "later" }),
  );
}

function table(board, { me, guild }) {
  const top = board.items[0].value || 1;
  const rows = board.items.map((entry) =>
    h(
      "tr",
      { class: entry.user_id === me.id ? "mine" : null },
      h("td", { class: "number" }, number(entry.rank)),
      h(
        "th",
        { scope: "row" },
        personLink(guild, entry, entry.user_id === me.id && h("span", { class: "tag" }, t("you"))),
      ),
      h("td", { class: "number" }, amount(board.stat, entry.value), bar(entry.value / top)),
      h("td", { class: "number" }, number(entry.level)),
    ),
  );
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      { class: "board", "aria-labelledby": "board-title" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col", class: "number rank" }, t("Rank")), h("th", { scope: "col" }, t("Member")), h("th", { scope: "col", class: "number" }, statName(board.stat)), h("th", { scope: "col", class: "number" }, t("Level")))),
      h("tbody", {}, rows),
    ),
  );
}

/** How a value compares to the first on the page. The number beside it says the same. */
function bar(share) {
  const inner = h("span", {});
  inner.style.width = `${Math.max(1, Math.round(share * 100))}%`;
  return h("span", { class: "bar-of", "aria-hidden": "true" }, inner);
}
