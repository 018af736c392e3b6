/** An announcement as Discord shows it, with its placeholders filled in by somebody who reads the page. */

import { h } from "./dom.js";
import { number, t } from "./language.js";
import { nameOf } from "./words.js";

const LEVEL = { level: 12, old_level: 11, xp: 7_450 };
// A doubled brace is a brace; any other belongs to a placeholder.
const TOKEN = /\{\{|\}\}|\{([^{}]*)\}/g;

export class AnnouncementPreview {
  /** `read()` gives the announcement as the form has it now. */
  constructor({ guild, me, names, read }) {
    Object.assign(this, { guild, me, names, read });
    this.node = h("div", { class: "discord-preview", role: "group", "aria-label": t("What Discord shows") });
    this.changed();
  }

  changed() {
    const { mode, channel_id: channel, template } = this.read();
    this.node.hidden = mode === "off";
    const places = { current: t("In the channel where it happens"), dm: t("As a direct message"), channel: this.names.get(channel) ?? t("Choose a channel") };
    this.node.replaceChildren(
      h("p", { class: "note" }, places[mode] ?? ""),
      h("div", { class: "message" }, h("span", { class: "bot face", "aria-hidden": "true" }, "🤖"), h("div", {}, h("p", { class: "author" }, h("b", {}, t("Your bot")), h("span", { class: "tag" }, "APP")), h("p", { class: "text" }, this.#filled(template ?? "")))),
    );
  }

  /** The text as nodes: a mention is a pill, an unknown placeholder is marked. */
  #filled(template) {
    const name = nameOf(this.me) ?? this.me.id;
    const known = {
      user: name,
      mention: h("span", { class: "mention" }, `@${name}`),
      level: String(LEVEL.level),
      old_level: String(LEVEL.old_level),
      xp: number(LEVEL.xp),
      guild: this.guild.name,
      roles: [...this.names.values()].find((each) => each.startsWith("@")) ?? t("a role"),
      achievement: t("Chatterbox"),
    };
    const nodes = [];
    let end = 0;
    for (const found of template.matchAll(TOKEN)) {
      nodes.push(template.slice(end, found.index), this.#token(found, known));
      end = found.index + found[0].length;
    }
    return [...nodes, template.slice(end)];
  }

  #token([token, name], known) {
    if (name === undefined) return token[0];
    if (!Object.hasOwn(known, name)) return h("mark", {}, token);
    return known[name] instanceof Node ? known[name].cloneNode(true) : known[name];
  }
}
