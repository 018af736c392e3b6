/** One member: the card, what they did in time, what they have achieved and what is near; and what to do about it. */

import { all, get, guildPath } from "./api.js";
import { award, changeXp, markAsLeft, revoke } from "./actions.js";
import { activityPart } from "./activity.js";
import { icon } from "./achievements.js";
import { leafText } from "./conditions.js";
import { h, heading, link } from "./dom.js";
import { explainPart } from "./explain.js";
import { number, percent, t, tn } from "./language.js";
import { copyId, face, userName } from "./people.js";
import { privacyPart } from "./privacy.js";
import { guildHref } from "./router.js";
import { emptyState, part } from "./screen.js";
import { STATS, amount, moment, nameOf, statName } from "./words.js";

export async function memberPage({ me, guild, may, route, again }) {
  const path = guildPath(guild.id, `/members/${route.user}`);
  const here = (change) => guildHref(guild.id, `members/${route.user}`, { ...route.query, ...change });
  const mayAward = may.has("achievements:write");
  const asked = get(path);
  const [{ body: member }, activity, achievements] = await Promise.all([
    asked,
    activityPart({ guild, path: `${path}/activity`, route, here, again }),
    part(Promise.all([asked, achievementsOf(path, guild, mayAward)]), {
      title: t("The achievements could not be loaded."),
      draw: ([{ body }, items]) => achievementList(items, { guild, member: body, mayAward, again }),
      again,
    }),
  ]);
  const isMe = member.user_id === me.id;
  const name = nameOf(member);
  const privacy = isMe && (await privacyPart({ me, again }));
  return {
    title: isMe ? t("You") : t("Member {name}", { name: name ?? member.user_id }),
    concerns: (event) => event.user_id === member.user_id || event.type === "import.finished" || event.type === "achievement.changed" || event.module === "leveling",
    holds: () => document.getElementById("explain-form") !== null,
    node: h(
      "div",
      {},
      h("p", { class: "up" }, link(guildHref(guild.id, "members"), t("← Members"), { id: "to-members" })),
      h(
        "div",
        { class: "title" },
        face(member, 56),
        h("div", {}, heading(isMe ? t("You") : name === null ? t("Member {name}", { name: member.user_id }) : h("bdi", {}, name)), h("p", { class: "note" }, isMe && name !== null && h("bdi", {}, name), userName(member))),
        h("div", { class: "buttons" }, copyId(member.user_id), may.has("members:write") && buttons({ guild, member, again })),
      ),
      standing(member, guild),
      cardPicture(path, member, isMe),
      h("h2", { id: "counts" }, t("In all")),
      tiles(member, guild),
      activity,
      explainPart({ guild, member }),
      privacy,
      h("h2", { id: "achieved" }, t("Achievements")),
      achievements,
    ),
  };
}

/** Whoever may award sees the hidden ones as well. */
async function achievementsOf(path, guild, mayAward) {
  const [{ body }, ...lists] = await Promise.all([
    get(`${path}/achievements`),
    ...(mayAward ? [all(guildPath(guild.id, "/achievements")), all("/v1/achievements")] : []),
  ]);
  const known = new Set(body.items.map((item) => item.achievement));
  const hidden = lists.flat().filter((each) => each.hidden && !known.has(each.key) && known.add(each.key));
  return [...body.items, ...hidden.map(({ key, name, icon, description }) => ({ achievement: key, name, icon, description, awarded_at: null, progress: null, leaves: [] }))];
}

function buttons({ guild, member, again }) {
  const gone = () => location.assign(guildHref(guild.id, "members"));
  return [
    h("button", { type: "button", class: "quiet", id: "change-xp", onclick: () => changeXp({ guild, member, again }) }, t("Change XP")),
    h("button", { type: "button", class: "quiet", id: "mark-as-left", onclick: () => markAsLeft({ guild, member, again, gone }) }, t("Mark as left")),
  ];
}

function standing(member, guild) {
  const isTop = member.next_level_xp === null;
  const span = isTop ? 1 : member.next_level_xp - member.level_xp;
  const into = isTop ? 1 : member.xp - member.level_xp;
  const text = isTop ? t("The highest level") : t("{into} of {span} XP to level {level}", { into: number(into), span: number(span), level: number(member.level + 1) });
  const place = member.rank === null
    ? t("Not on the leaderboard")
    : link(guildHref(guild.id, "board", { around: member.user_id }), t("Rank {rank} of {memberCount}", { rank: number(member.rank), memberCount: number(member.member_count) }), { id: "rank" });
  return h(
    "section",
    { class: "card member", "aria-label": t("Standing") },
    h("p", { class: "level" }, h("span", {}, t("Level")), h("b", {}, number(member.level))),
    h(
      "div",
      { class: "standing" },
      h("p", {}, h("b", {}, t("{xp} XP", { xp: number(member.xp) })), " · ", place),
      h("progress", { max: span, value: into, "aria-label": t("Progress to the next level") }, percent(into / span)),
      h("p", { class: "note" }, text),
      h("p", { class: "note" }, t("Streak: {current}. Best: {best}.", { current: days(member.streak.current), best: days(member.streak.best) })),
      h("p", { class: "note" }, t("First seen {first}. Last active {last}.", { first: moment(member.first_seen_at), last: moment(member.last_active_at) })),
    ),
  );
}

/** The rank card as the bot posts it. Where pictures are not installed there is none, and nothing is missing. */
function cardPicture(path, member, isMe) {
  const picture = h("img", { src: `${path}/card.png`, width: 934, height: 282, alt: isMe ? t("Your rank card") : t("Rank card of {name}", { name: nameOf(member) ?? member.user_id }), loading: "lazy" });
  const figure = h("div", { class: "rank-card" }, picture);
  picture.addEventListener("error", () => figure.remove(), { once: true });
  return figure;
}

const days = (count) => tn("{count} day", "{count} days", count);

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

function achievementList(items, context) {
  if (items.length === 0) return emptyState(t("This guild has no achievements yet."), link(guildHref(context.guild.id, "achievements"), t("To the achievements"), { id: "to-achievements" }));
  const first = (item) => (item.awarded_at === null ? 1 : 0);
  const sorted = items.toSorted((a, b) => first(a) - first(b) || (b.progress ?? -1) - (a.progress ?? -1));
  return h("ul", { class: "cards achievements", "aria-labelledby": "achieved" }, sorted.map((item) => h("li", {}, achievement(item, context))));
}

function achievement(item, { mayAward, ...context }) {
  const has = item.awarded_at !== null;
  const act = has ? revoke : award;
  const button = h("button", { type: "button", class: "quiet", id: `award-${item.achievement}`, onclick: () => act({ ...context, item }) }, has ? t("Take away") : t("Award"));
  button.setAttribute("aria-label", has ? t("Take away {name}", { name: item.name }) : t("Award {name}", { name: item.name }));
  return h(
    "div",
    { class: has ? "card has" : "card" },
    h("h3", {}, icon(item.icon), item.name),
    item.description && h("p", {}, item.description),
    has && h("p", { class: "state" }, h("span", { "aria-hidden": "true" }, "✓ "), t("Awarded {time}", { time: moment(item.awarded_at) })),
    !has && item.progress !== null && [h("progress", { max: 1, value: item.progress, "aria-label": t("Progress to {name}", { name: item.name }) }), h("p", { class: "state" }, t("{progress} there", { progress: percent(item.progress) }))],
    item.progress === null && h("p", { class: "state" }, t("Hidden: members see it only when they have it.")),
    item.leaves.length > 0 && h("ul", { class: "plain leaves" }, item.leaves.map((leaf) => h("li", {}, leafText(leaf)))),
    mayAward && h("p", { class: "end" }, button),
  );
}
