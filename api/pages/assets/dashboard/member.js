/** One member: the card, what they did in time, what they have achieved and what is near. */

import { get, guildPath } from "./api.js";
import { activityPart } from "./activity.js";
import { icon } from "./achievements.js";
import { leafText } from "./conditions.js";
import { alertBox, h, heading, link } from "./dom.js";
import { guildHref } from "./router.js";
import { STATS, amount, moment, nameOf, number, percent, statName } from "./words.js";

export async function memberPage({ me, guild, route }) {
  const path = guildPath(guild.id, `/members/${route.user}`);
  const here = (change) => guildHref(guild.id, `members/${route.user}`, { ...route.query, ...change });
  const [{ body: member }, activity, achievements] = await Promise.all([
    get(path),
    activityPart({ guild, path: `${path}/activity`, route, here }),
    get(`${path}/achievements`).then(({ body }) => body.items, (error) => error),
  ]);
  const isMe = member.user_id === me.id;
  const name = nameOf(member);
  return {
    title: isMe ? "You" : `Member ${name ?? member.user_id}`,
    concerns: (event) => event.user_id === member.user_id || event.type === "import.finished" || event.type === "achievement.changed" || event.module === "leveling",
    node: h(
      "div",
      {},
      heading(isMe ? "You" : name === null ? "Member" : h("bdi", {}, name), !isMe && [" ", h("span", { class: "id" }, member.user_id)]),
      card(member, guild),
      h("h2", { id: "counts" }, "In all"),
      tiles(member, guild),
      activity,
      h("h2", { id: "achieved" }, "Achievements"),
      Array.isArray(achievements) ? achievementList(achievements) : alertBox("They cannot be shown.", achievements.message),
    ),
  };
}

function card(member, guild) {
  const isTop = member.next_level_xp === null;
  const span = isTop ? 1 : member.next_level_xp - member.level_xp;
  const into = isTop ? 1 : member.xp - member.level_xp;
  const text = isTop ? "The highest level" : `${number(into)} of ${number(span)} XP to level ${number(member.level + 1)}`;
  const place = member.rank === null
    ? "On no board"
    : link(guildHref(guild.id, "board", { around: member.user_id }), `Rank ${number(member.rank)} of ${number(member.member_count)}`, { id: "rank" });
  return h(
    "section",
    { class: "card member", "aria-label": "Standing" },
    h("p", { class: "level" }, h("span", {}, "Level"), h("b", {}, number(member.level))),
    h(
      "div",
      { class: "standing" },
      h("p", {}, h("b", {}, `${number(member.xp)} XP`), " · ", place),
      h("progress", { max: span, value: into, "aria-label": "Progress to the next level" }, percent(into / span)),
      h("p", { class: "note" }, text),
      h("p", { class: "note" }, `Streak: ${days(member.streak.current)}, the best ${days(member.streak.best)}.`),
      h("p", { class: "note" }, `First seen ${moment(member.first_seen_at)}, last active ${moment(member.last_active_at)}.`),
    ),
  );
}

const days = (count) => `${number(count)} ${count === 1 ? "day" : "days"}`;

function tiles(member, guild) {
  const counts = [...Object.keys(STATS).filter((stat) => stat !== "xp").map((stat) => [stat, member.stats[stat]]), ...Object.entries(member.custom_stats)];
  return h(
    "dl",
    { class: "tiles", "aria-labelledby": "counts" },
    counts.map(([stat, value]) =>
      h("div", {}, h("dt", {}, link(guildHref(guild.id, "board", { stat }), statName(stat), { id: `stat-${stat}` })), h("dd", {}, amount(stat, value))),
    ),
  );
}

function achievementList(items) {
  if (items.length === 0) return h("p", { class: "empty" }, "This guild has none.");
  const first = (item) => (item.awarded_at === null ? 1 : 0);
  const sorted = [...items].sort((a, b) => first(a) - first(b) || b.progress - a.progress);
  return h("ul", { class: "cards achievements", "aria-labelledby": "achieved" }, sorted.map((item) => h("li", {}, achievement(item))));
}

function achievement(item) {
  const has = item.awarded_at !== null;
  return h(
    "div",
    { class: has ? "card has" : "card" },
    h("h3", {}, icon(item.icon), item.name),
    item.description && h("p", {}, item.description),
    has
      ? h("p", { class: "state" }, h("span", { "aria-hidden": "true" }, "✓ "), `Awarded ${moment(item.awarded_at)}`)
      : [h("progress", { max: 1, value: item.progress, "aria-label": `Progress to ${item.name}` }), h("p", { class: "state" }, `${percent(item.progress)} there`)],
    item.leaves.length > 0 && h("ul", { class: "plain leaves" }, item.leaves.map((leaf) => h("li", {}, leafText(leaf)))),
  );
}
