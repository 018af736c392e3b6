/** How a guild does at a glance: who is active, when, what has just happened, and what is left to set up. */

import { get, guildPath } from "./api.js";
import { activityPart } from "./activity.js";
import { h, heading, link } from "./dom.js";
import { heatMap } from "./heat_map.js";
import { later, number, t, tn } from "./language.js";
import { personLink } from "./people.js";
import { guildHref } from "./router.js";
import { emptyState, part, skeleton } from "./screen.js";
import { dayAfter, humanized, moment } from "./words.js";

const PERIODS = [["day", t("Wrote today"), later("{count} yesterday")], ["week", t("Wrote this week"), later("{count} last week")], ["month", t("Wrote this month"), later("{count} last month")]];
const HEAT_DAYS = [28, 7];
const DAY = 24 * 3600 * 1000;

export async function overviewPage({ guild, route, again, latest }) {
  const path = (rest) => guildPath(guild.id, rest);
  const here = (change) => guildHref(guild.id, "overview", { ...route.query, ...change });
  const [tiles, activity, heat, todo] = await Promise.all([
    part(countsOf(guild), { title: t("The numbers could not be loaded."), draw: drawCounts, again }),
    activityPart({ guild, path: path("/activity"), route, here, again }),
    part(hoursOf(guild), { title: t("The hours could not be loaded."), draw: ({ items, days }) => heatMap(items, { guild, days }), again }),
    part(stepsOf(guild), { title: t("The checklist could not be loaded."), draw: (steps) => checklist(steps, guild), again }),
  ]);
  const heard = h("div", {});
  const remembered = () => heard.replaceChildren(latestList(latest, guild));
  remembered();
  return {
    title: t("Overview of {name}", { name: guild.name }),
    remembered,
    concerns: (event) => ["member.level_up", "achievement.unlocked", "import.finished", "settings.updated"].includes(event.type),
    node: h(
      "div",
      {},
      heading(t("Overview")),
      todo,
      tiles,
      activity,
            h("h2", { id: "latest-title" }, t("Latest level-ups and achievements")),
      heard,
      h("section", { "aria-labelledby": "awake" }, h("h2", { id: "awake" }, t("When {name} is awake", { name: guild.name })), heat),
    ),
  };
}

/** Activity by hour, of as many days as the server keeps. */
async function hoursOf(guild, [days, ...fewer] = HEAT_DAYS) {
  const from = new Date(Date.now() - days * DAY).toISOString();
  try {
    const { body } = await get(guildPath(guild.id, "/activity"), { bucket: "hour", from });
    return { items: body.items, days };
  } catch (error) {
    if (error.status !== 422 || fewer.length === 0) throw error;
    return hoursOf(guild, fewer);
  }
}

/** Members in all, and who wrote in this day, week and month, and in the one before. */
async function countsOf(guild) {
  const board = async (query) => (await get(guildPath(guild.id, "/leaderboard"), { ...query, limit: 1 })).body;
  const period = async ([period]) => {
    const now = await board({ stat: "messages", period });
    const before = await board({ stat: "messages", period, at: dayAfter(now.from, -1) });
    return { now: now.member_count, before: before.member_count };
  };
  const [all, ...periods] = await Promise.all([board({}), ...PERIODS.map(period)]);
  return { all: all.member_count, periods };
}

function drawCounts({ all, periods }) {
  const tile = (name, count, note) => h("div", {}, h("dt", {}, name), h("dd", {}, number(count)), note && h("dd", { class: "before" }, note));
  return h("dl", { class: "tiles", "aria-label": t("Members") }, tile(t("Members"), all, null), periods.map(({ now, before }, place) => tile(PERIODS[place][1], now, t(PERIODS[place][2], { count: number(before) }))));
}

/** `[done, text, address]` of what a new guild needs. */
async function stepsOf(guild) {
  const path = (rest) => guildPath(guild.id, rest);
  const [board, roles, leveling, published, own, global] = await Promise.all([
    get(path("/leaderboard"), { limit: 1 }),
    get(path("/roles")),
    get(path("/settings/leveling")),
    get(path("/settings/public")),
    get(path("/achievements"), { limit: 1 }),
    get("/v1/achievements", { limit: 1 }),
  ]);
  return [
    [board.body.member_count > 0, t("The bot has counted something"), "imports"],
    [roles.body.items.length > 0, t("The bot has sent the roles"), "settings/leveling"],
    [leveling.body.overridden.some((name) => ["curve", "role_rewards"].includes(name)), t("Choose the level curve or level roles"), "settings/leveling"],
    [own.body.items.length + global.body.items.length > 0, t("Add achievements"), "achievements"],
    [published.body.values.leaderboard !== "off", t("Publish the leaderboard"), "settings/public"],
  ];
}

/** Gone once all is done. */
function checklist(steps, guild) {
  const left = steps.filter(([isDone]) => !isDone).length;
  if (left === 0) return null;
  const item = ([isDone, text, place], index) => h("li", {}, h("span", { "aria-hidden": "true", class: "mark" }, isDone ? "☑" : "☐"), h("span", { class: "unseen" }, isDone ? t("Done:") : t("To do:")), " ", isDone ? text : link(guildHref(guild.id, place), text, { id: `step-${index}` }));
  return h("section", { class: "card", "aria-labelledby": "to-do" }, h("h2", { id: "to-do" }, tn("One step left", "{count} steps left", left)), h("ul", { class: "plain steps" }, steps.map(item)));
}

function latestList(latest, guild) {
  if (latest.events.length === 0) return latest.isRead ? emptyState(t("Nothing in the last days. Level-ups and achievements appear here as they happen.")) : skeleton("rows");
  const what = (event) => (event.type === "member.level_up" ? t("reached level {toLevel}", { toLevel: number(event.to_level) }) : t("unlocked {achievement}", { achievement: humanized(event.achievement) }));
  return h("ul", { class: "plain latest", "aria-labelledby": "latest-title" }, latest.events.map((event) => h("li", {}, personLink(guild, event, " ", what(event)), h("span", { class: "note" }, moment(event.at)))));
}
