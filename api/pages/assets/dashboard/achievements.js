/** The achievements of a guild: its own, and those of the whole installation; what they take, how rare they are. */

import { all, call, get, guildPath } from "./api.js";
import { rarityWord, sentence } from "./conditions.js";
import { alertBox, h, heading, link, notify } from "./dom.js";
import { joined, number, percent, rich, t, tn } from "./language.js";
import { guildHref } from "./router.js";
import { emptyState } from "./screen.js";

const BACKFILL_MILLISECONDS = 2000;

export async function achievementsPage({ guild, may, route, again }) {
  const mayWrite = may.has("achievements:write");
  const path = guildPath(guild.id, "/achievements");
  if (route.query.deleted && mayWrite) return deletedPage({ guild, path, again });
  const [own, global, packs] = await Promise.all([all(path), all("/v1/achievements"), mayWrite ? get("/v1/achievement-packs").then(({ body }) => body.items) : []]);
  const context = { guild, path, mayWrite, again, replaced: new Set(own.map((item) => item.key)) };
  const known = new Set([...own, ...global].map((item) => item.key));
  const buttons = mayWrite && [
    link(guildHref(guild.id, "new-achievement"), t("New achievement"), { class: "button", id: "new-achievement" }),
    ...packs.map((pack) => packButton(pack, known, context)),
  ];
  const node = h(
    "div",
    {},
    h("div", { class: "title" }, heading(t("Achievements")), own.length + global.length > 0 && h("div", { class: "buttons" }, buttons)),
    h("div", { id: "achievement-trouble" }),
    own.length + global.length === 0 && emptyState(mayWrite ? t("No achievements yet. Start with our pack, or make your own.") : t("No achievements yet."), mayWrite && h("span", { class: "buttons" }, buttons)),
    own.length > 0 && [h("h2", {}, t("Made for {name}", { name: guild.name })), list(own, context)],
    global.length > 0 && [h("h2", {}, t("On every server here")), h("p", { class: "note" }, t("Whoever runs this installation of Guildhall makes these. Members of all guilds can earn them.")), list(global, context)],
    mayWrite && h("p", {}, link(guildHref(guild.id, "achievements", { deleted: "yes" }), t("Deleted achievements"), { id: "deleted" })),
  );
  watch(own, node, again);
  return { title: t("Achievements of {name}", { name: guild.name }), concerns: (event) => event.type.startsWith("achievement."), node };
}

const isRunning = (item) => item.awarding !== null && ["queued", "running"].includes(item.awarding.status);

/** A backfill sends no events of its progress: look again until it ends. */
function watch(items, node, again) {
  if (items.some(isRunning)) setTimeout(() => node.isConnected && !document.querySelector("dialog[open]") && again(), BACKFILL_MILLISECONDS);
}

const list = (items, context) => h("ul", { class: "cards achievements" }, items.map((item) => h("li", {}, card(item, context))));

function card(item, { guild, mayWrite, replaced }) {
  const isOwn = item.guild_id !== null;
  const rewards = [item.rewards.xp > 0 && t("{xp} XP", { xp: number(item.rewards.xp) }), item.rewards.role_id && t("a role")].filter(Boolean);
  const edit = mayWrite && isOwn && link(guildHref(guild.id, `achievements/${item.key}`), t("Edit"), { class: "button quiet", id: `edit-${item.key}` });
  edit && edit.setAttribute("aria-label", t("Edit {name}", { name: item.name }));
  return h(
    "div",
    { class: "card" },
    h("h3", {}, icon(item.icon), item.name, item.hidden && h("span", { class: "tag" }, t("hidden")), !isOwn && replaced.has(item.key) && h("span", { class: "tag" }, t("replaced by yours"))),
    item.description && h("p", {}, item.description),
    h("p", { class: "condition" }, capitalized(sentence(item.condition))),
    h("meter", { min: 0, max: 1, value: item.rarity, "aria-label": t("Share of members who have {name}", { name: item.name }) }, percent(item.rarity)),
    h("p", { class: "state" }, item.awarded_count === 0 ? t("Nobody has this yet.") : rich("{count} ({share}): {rarity}", { count: h("b", {}, tn("{count} member", "{count} members", item.awarded_count)), share: percent(item.rarity), rarity: rarityWord(item.rarity) })),
    rewards.length > 0 && h("p", { class: "note" }, t("Reward: {rewards}", { rewards: joined(rewards) })),
    isRunning(item) && h("p", { class: "state", role: "status" }, t("Awarding it to members who meet it already: {progress}, {awarded} so far.", { progress: percent(item.awarding.progress), awarded: number(item.awarding.awarded) })),
    item.awarding?.status === "failed" && h("p", { class: "state" }, t("Awarding it to members who meet it already has failed.")),
    edit && h("p", { class: "end" }, edit),
  );
}

const capitalized = (text) => text[0].toUpperCase() + text.slice(1);

/** Emoji only: pictures come from nowhere but Discord. */
export function icon(text) {
  return text && !text.includes("/") ? h("span", { class: "icon", "aria-hidden": "true" }, text) : null;
}

/** Creates what is missing of a pack, in its order: prerequisites come first. */
function packButton(pack, known, { path, again }) {
  const missing = pack.achievements.filter((each) => !known.has(each.key));
  if (missing.length === 0) return null;
  const add = async (event) => {
    const button = event.target;
    if (button.hasAttribute("aria-disabled")) return;
    button.setAttribute("aria-disabled", "true");
    try {
      let made = 0;
      for (const each of missing) {
        made += await created(path, translated(each));
        button.textContent = t("Adding… {made} of {count}", { made, count: missing.length });
      }
      await again();
      notify(tn("{count} achievement added. Members who meet it already get it now.", "{count} achievements added. Members who meet them already get them now.", made));
    } catch (error) {
      await again();
      document.getElementById("achievement-trouble")?.replaceChildren(alertBox(t("The pack is not complete."), error.message));
    }
  };
  return h("button", { type: "button", class: "quiet", id: `pack-${pack.name}`, onclick: add }, t("Add the {name} pack ({count})", { name: t(pack.name), count: number(missing.length) }));
}

/** An achievement of a pack in the language of whoever adds it. */
const translated = (each) => ({ ...each, name: t(each.name), description: each.description && t(each.description) });

/** 1 if it was created, 0 if it is there, deleted for example. */
async function created(path, body) {
  try {
    await call("POST", path, { body });
    return 1;
  } catch (error) {
    if (error.status === 409) return 0;
    throw error;
  }
}

async function deletedPage({ guild, path, again }) {
  const items = await all(path, { deleted: "true" });
  const restore = async (item) => {
    try {
      await call("POST", `${path}/${item.key}/restore`);
      await again();
      notify(t("“{name}” is back.", { name: item.name }));
    } catch (error) {
      document.getElementById("achievement-trouble").replaceChildren(alertBox(t("Not restored."), error.message));
    }
  };
  const row = (item) => h("li", { class: "card line" }, h("span", {}, icon(item.icon), h("b", {}, item.name), " ", h("span", { class: "note" }, capitalized(sentence(item.condition)))), h("button", { type: "button", class: "quiet", id: `restore-${item.key}`, "aria-label": t("Restore {name}", { name: item.name }), onclick: () => restore(item) }, t("Restore")));
  return {
    title: t("Deleted achievements"),
    concerns: (event) => event.type.startsWith("achievement."),
    node: h(
      "div",
      {},
      h("p", { class: "up" }, link(guildHref(guild.id, "achievements"), t("← Achievements"), { id: "to-achievements" })),
      heading(t("Deleted achievements")),
      h("div", { id: "achievement-trouble" }),
      items.length === 0 ? emptyState(t("Nothing is deleted.")) : h("ul", { class: "plain lines" }, items.map(row)),
    ),
  };
}
