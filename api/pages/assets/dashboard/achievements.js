/** The achievements of a guild: what they take, how rare they are. */

import { all, guildPath } from "./api.js";
import { outline, rarityWord } from "./conditions.js";
import { h, heading } from "./dom.js";
import { emptyState } from "./screen.js";
import { number, percent } from "./words.js";

export async function achievementsPage({ guild }) {
  const items = await all(guildPath(guild.id, "/achievements"));
  return {
    title: `Achievements of ${guild.name}`,
    concerns: (event) => event.type.startsWith("achievement."),
    node: h(
      "div",
      {},
      heading("Achievements"),
      items.length === 0
        ? emptyState("No achievements yet.")
        : h("ul", { class: "cards achievements" }, items.map((item) => h("li", {}, card(item)))),
    ),
  };
}

function card(item) {
  const rewards = [item.rewards.xp > 0 && `${number(item.rewards.xp)} XP`, item.rewards.role_id && "a role"].filter(Boolean);
  const facts = [item.guild_id === null && "for all guilds", item.hidden && "hidden until awarded"].filter(Boolean);
  return h(
    "div",
    { class: "card" },
    h("h2", {}, icon(item.icon), item.name),
    item.description && h("p", {}, item.description),
    conditionList(outline(item.condition)),
    h("meter", { min: 0, max: 1, value: item.rarity, "aria-label": `Share of members who have ${item.name}` }, percent(item.rarity)),
    h("p", { class: "state" }, h("b", {}, percent(item.rarity)), ` of members, ${number(item.awarded_count)} in all: ${rarityWord(item.rarity)}`),
    rewards.length > 0 && h("p", { class: "note" }, `Brings ${rewards.join(" and ")}.`),
    facts.length > 0 && h("p", { class: "note" }, facts.join(", ")),
    item.awarding && ["queued", "running"].includes(item.awarding.status) && h("p", { class: "note" }, `Being awarded to those who meet it already: ${percent(item.awarding.progress)}.`),
  );
}

/** A picture's address is not shown: this page loads nothing from elsewhere. */
export function icon(text) {
  return text && !text.includes("/") ? h("span", { class: "icon", "aria-hidden": "true" }, text) : null;
}

function conditionList({ text, parts }) {
  if (parts.length === 0) return h("p", { class: "condition" }, text);
  return h("div", { class: "condition" }, text && h("p", {}, text), h("ul", {}, parts.map((part) => h("li", {}, part.parts.length === 0 ? part.text : conditionList(part)))));
}
