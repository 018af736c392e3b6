/** The achievements of a guild: its own, and those of the whole installation; what they take, how rare they are. */

import { all, call, get, guildPath } from "./api.js";
import { rarityWord, sentence } from "./conditions.js";
import { alertBox, h, heading, link, notify } from "./dom.js";
import { guildHref } from "./router.js";
import { emptyState } from "./screen.js";
import { number, percent } from "./words.js";

const BACKFILL_MILLISECONDS = 2000;

export async function achievementsPage({ guild, may, route, again }) {
  const mayWrite = may.has("achievements:write");
  const path = guildPath(guild.id, "/achievements");
  if (route.query.deleted && mayWrite) return deletedPage({ guild, path, again });
  const [own, global, packs] = await Promise.all([all(path), all("/v1/achievements"), mayWrite ? get("/v1/achievement-packs").then(({ body }) => body.items) : []]);
  const context = { guild, path, mayWrite, again, replaced: new Set(own.map((item) => item.key)) };
  const known = new Set([...own, ...global].map((item) => item.key));
  const buttons = mayWrite && [
    link(guildHref(guild.id, "new-achievement"), "New achievement", { class: "button", id: "new-achievement" }),
    ...packs.map((pack) => packButton(pack, known, context)),
  ];
  const node = h(
    "div",
    {},
    h("div", { class: "title" }, heading("Achievements"), own.length + global.length > 0 && h("div", { class: "buttons" }, buttons)),
    h("div", { id: "achievement-trouble" }),
    own.length + global.length === 0 && emptyState(mayWrite ? "No achievements yet. Start with our pack, or make your own." : "No achievements yet.", mayWrite && h("span", { class: "buttons" }, buttons)),
    own.length > 0 && [h("h2", {}, `Made for ${guild.name}`), list(own, context)],
    global.length > 0 && [h("h2", {}, "On every server here"), h("p", { class: "note" }, "Whoever runs this installation of Guildhall makes these. Members of all guilds can earn them."), list(global, context)],
    mayWrite && h("p", {}, link(guildHref(guild.id, "achievements", { deleted: "yes" }), "Deleted achievements", { id: "deleted" })),
  );
  watch(own, node, again);
  return { title: `Achievements of ${guild.name}`, concerns: (event) => event.type.startsWith("achievement."), node };
}

const isRunning = (item) => item.awarding !== null && ["queued", "running"].includes(item.awarding.status);

/** A backfill sends no events of its progress: look again until it ends. */
function watch(items, node, again) {
  if (items.some(isRunning)) setTimeout(() => node.isConnected && !document.querySelector("dialog[open]") && again(), BACKFILL_MILLISECONDS);
}

const list = (items, context) => h("ul", { class: "cards achievements" }, items.map((item) => h("li", {}, card(item, context))));

function card(item, { guild, mayWrite, replaced }) {
  const isOwn = item.guild_id !== null;
  const rewards = [item.rewards.xp > 0 && `${number(item.rewards.xp)} XP`, item.rewards.role_id && "a role"].filter(Boolean);
  const edit = mayWrite && isOwn && link(guildHref(guild.id, `achievements/${item.key}`), "Edit", { class: "button quiet", id: `edit-${item.key}` });
  edit && edit.setAttribute("aria-label", `Edit ${item.name}`);
  return h(
    "div",
    { class: "card" },
    h("h3", {}, icon(item.icon), item.name, item.hidden && h("span", { class: "tag" }, "hidden"), !isOwn && replaced.has(item.key) && h("span", { class: "tag" }, "replaced by yours")),
    item.description && h("p", {}, item.description),
    h("p", { class: "condition" }, capitalized(sentence(item.condition))),
    h("meter", { min: 0, max: 1, value: item.rarity, "aria-label": `Share of members who have ${item.name}` }, percent(item.rarity)),
    h("p", { class: "state" }, h("b", {}, percent(item.rarity)), ` of members, ${number(item.awarded_count)} in all: ${rarityWord(item.rarity)}`),
    rewards.length > 0 && h("p", { class: "note" }, `Reward: ${rewards.join(" and ")}`),
    isRunning(item) && h("p", { class: "state", role: "status" }, `Awarding it to members who meet it already: ${percent(item.awarding.progress)}, ${number(item.awarding.awarded)} so far.`),
    item.awarding?.status === "failed" && h("p", { class: "state" }, "Awarding it to members who meet it already has failed."),
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
        made += await created(path, each);
        button.textContent = `Adding… ${made} of ${missing.length}`;
      }
      await again();
      notify(made === 1 ? "1 achievement added." : `${made} achievements added. Members who meet them already get them now.`);
    } catch (error) {
      await again();
      document.getElementById("achievement-trouble")?.replaceChildren(alertBox("The pack is not complete.", error.message));
    }
  };
  return h("button", { type: "button", class: "quiet", id: `pack-${pack.name}`, onclick: add }, `Add the ${pack.name} pack (${missing.length})`);
}

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
      notify(`“${item.name}” is back.`);
    } catch (error) {
      document.getElementById("achievement-trouble").replaceChildren(alertBox("Not restored.", error.message));
    }
  };
  const row = (item) => h("li", { class: "card line" }, h("span", {}, icon(item.icon), h("b", {}, item.name), " ", h("span", { class: "note" }, capitalized(sentence(item.condition)))), h("button", { type: "button", class: "quiet", id: `restore-${item.key}`, "aria-label": `Restore ${item.name}`, onclick: () => restore(item) }, "Restore"));
  return {
    title: "Deleted achievements",
    concerns: (event) => event.type.startsWith("achievement."),
    node: h(
      "div",
      {},
      h("p", { class: "up" }, link(guildHref(guild.id, "achievements"), "← Achievements", { id: "to-achievements" })),
      heading("Deleted achievements"),
      h("div", { id: "achievement-trouble" }),
      items.length === 0 ? emptyState("Nothing is deleted.") : h("ul", { class: "plain lines" }, items.map(row)),
    ),
  };
}
