/** Choosing a guild. */

import { all } from "./api.js";
import { h, heading, link } from "./dom.js";
import { t } from "./language.js";
import { guildHref } from "./router.js";
import { emptyState } from "./screen.js";

/** The guilds that are here and that the person may see; and those that they manage where the bot is not yet. */
export async function guildsPage() {
  const [visible, managed] = await Promise.all([all("/v1/guilds"), all("/v1/me/guilds")]);
  const own = new Map(managed.map((guild) => [guild.id, guild]));
  const absent = managed.filter((guild) => !guild.is_here);
  return {
    title: t("Your guilds"),
    concerns: (event) => event.type.startsWith("guild."),
    node: h(
      "div",
      {},
      heading(t("Your guilds")),
      visible.length === 0
        ? emptyState(t("No guild here yet. A guild appears when its bot has started. You see it if you manage it, or if one of your roles may use this dashboard."))
        : h("ul", { class: "cards guilds" }, visible.map((guild) => h("li", {}, card(guild, own.get(guild.id))))),
      absent.length > 0 && [
        h("h2", {}, t("Guilds without the bot")),
        h("p", { class: "note" }, t("You manage these at Discord. They have no data here yet.")),
        h("ul", { class: "plain" }, absent.map((guild) => h("li", {}, guild.name))),
      ],
    ),
  };
}

function card(guild, managed) {
  const role = managed === undefined ? t("Access through a role") : managed.is_owner ? t("You own it") : t("You manage it");
  return link(guildHref(guild.id, "overview"), [badge(guild.name), h("span", {}, h("b", {}, guild.name), h("span", { class: "note" }, role))], { id: `guild-${guild.id}` });
}

/** A guild's icon is at Discord, and this page loads nothing from elsewhere: its initials do. */
function badge(name) {
  const initials = name.split(/\s+/).slice(0, 2).map((word) => [...word][0] ?? "").join("");
  return h("span", { class: "badge", "aria-hidden": "true" }, initials);
}
