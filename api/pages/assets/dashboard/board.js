/** A guild's board: any stat, any period, page by page; and what the guild did lately, as a chart. */

import { get, guildPath } from "./api.js";
import { activityPart } from "./activity.js";
import { h, heading, link } from "./dom.js";
import { personLink } from "./people.js";
import { guildHref } from "./router.js";
import { emptyState } from "./screen.js";
import { STATS, amount, dayAfter, dayName, number, statName } from "./words.js";

const PERIODS = { all: "All time", day: "Day", week: "Week", month: "Month" };
const PAGE = 25;

export async function boardPage({ me, guild, route, again }) {
  const { stat = "xp", period = "all", at, around, cursor } = route.query;
  const here = (change) => guildHref(guild.id, "board", { stat, period, at, ...change });
  const query = { stat, period, at, around, limit: PAGE, cursor };
  const [{ body: board }, activity] = await Promise.all([
    get(guildPath(guild.id, "/leaderboard"), query),
    activityPart({ guild, path: guildPath(guild.id, "/activity"), route, here: (change) => here({ around, cursor, ...change }), again }),
  ]);
  const time = timeOf(board);
  return {
    title: `Leaderboard of ${guild.name}`,
    concerns: (event) => event.type.startsWith("member.") || event.type === "import.finished" || event.module === "leveling",
    node: h(
      "div",
      {},
      heading("Leaderboard"),
      h(
        "section",
        { "aria-label": "Which leaderboard" },
        h("div", { class: "choices" }, statChoice(stat, here), periodChoice(period, here)),
        board.period !== "all" && steps(board, here),
      ),
      h("h2", { id: "board-title" }, `${statName(stat)}, ${time}`),
      board.items.length === 0
        ? emptyState(cursor ? "Nobody is left on this page." : "Nobody is on this leaderboard yet. Members appear here as soon as the bot counts something of them.")
        : [table(board, { me, guild }), h("p", { class: "note" }, `${number(board.member_count)} ${board.member_count === 1 ? "member" : "members"} on this leaderboard.`)],
      h(
        "nav",
        { class: "pages", "aria-label": "Pages of the leaderboard" },
        (cursor || around) && link(here(), "First page", { id: "first-page" }),
        board.next_cursor && link(here({ cursor: board.next_cursor }), "Next page", { id: "next-page" }),
        board.items.length > 0 && link(here({ around: me.id }), "Where am I?", { id: "where-am-i" }),
      ),
      activity,
    ),
  };
}

function timeOf(board) {
  if (board.from === null) return "all time";
  return board.from === board.to ? dayName(board.from) : `${dayName(board.from)} to ${dayName(board.to)}`;
}

function statChoice(stat, here) {
  const stats = Object.hasOwn(STATS, stat) ? Object.keys(STATS) : [...Object.keys(STATS), stat];
  return h(
    "label",
    { class: "field inline" },
    "Stat ",
    h(
      "select",
      { id: "stat", onchange: (event) => location.assign(here({ stat: event.target.value })) },
      stats.map((name) => h("option", { value: name, selected: name === stat }, statName(name))),
    ),
  );
}

function periodChoice(period, here) {
  return h(
    "nav",
    { class: "segments", "aria-label": "Period" },
    Object.entries(PERIODS).map(([name, text]) =>
      link(here({ period: name, at: null }), text, { id: `period-${name}`, "aria-current": name === period ? "true" : null }),
    ),
  );
}

/** To the period before and the one after, if that has begun. */
function steps(board, here) {
  const after = dayAfter(board.to, 1);
  const hasBegun = after <= new Date().toISOString().slice(0, 10);
  const name = board.period;
  return h(
    "nav",
    { class: "pages", "aria-label": `Other ${name}s` },
    link(here({ at: dayAfter(board.from, -1) }), `Earlier ${name}`, { id: "earlier" }),
    hasBegun && link(here({ at: after }), `Later ${name}`, { id: "later" }),
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
        personLink(guild, entry, entry.user_id === me.id && h("span", { class: "tag" }, "you")),
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
      h("thead", {}, h("tr", {}, h("th", { scope: "col", class: "number rank" }, "Rank"), h("th", { scope: "col" }, "Member"), h("th", { scope: "col", class: "number" }, statName(board.stat)), h("th", { scope: "col", class: "number" }, "Level"))),
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
