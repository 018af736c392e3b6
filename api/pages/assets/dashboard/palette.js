/** The command palette: pages, settings, guilds and members by a few letters, from anywhere. */

import { all, get, guildPath } from "./api.js";
import { h } from "./dom.js";
import { placesFor } from "./frame.js";
import { t } from "./language.js";
import { nameOf } from "./words.js";
import { guildHref } from "./router.js";
import { titleOf } from "./schema.js";

const MOST = 12;
const TYPING_MILLISECONDS = 200;

let isOpen = false;

/** `guild`: the one that is shown, or null. `may`: the person's scopes there. */
export function openPalette({ guild, may }) {
  if (isOpen || document.querySelector("dialog[open]")) return;
  isOpen = true;
  new Palette(guild, may);
}

class Palette {
  #timer = null;
  #turn = 0;
  #fixed = [];
  #members = [];
  #shown = [];
  #active = 0;

  constructor(guild, may) {
    this.guild = guild;
    this.opener = document.activeElement;
    this.list = h("ul", { role: "listbox", id: "palette-list", "aria-label": t("Found") });
    this.note = h("p", { class: "note", role: "status" });
    this.field = h("input", { type: "text", id: "palette-field", role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list", "aria-autocomplete": "list", "aria-label": t("Find a page, a setting, a member, a guild"), placeholder: t("Find a page, a setting, a member, a guild"), autocomplete: "off", maxlength: "100", oninput: () => this.#typed() });
    this.dialog = h("dialog", { class: "palette", "aria-label": t("Go to"), onkeydown: (event) => this.#key(event), onclose: () => this.#closed(), onclick: (event) => event.target === this.dialog && this.dialog.close() }, this.field, this.list, this.note);
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.#fixed = pages(guild, may);
    this.#draw();
    found(guild).then((more) => {
      this.#fixed.push(...more);
      this.#draw();
    }, (error) => (this.note.textContent = error.message));
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#members = [];
    this.#active = 0;
    this.#draw();
    if (this.guild !== null && this.field.value.trim() !== "") this.#timer = setTimeout(() => this.#search(), TYPING_MILLISECONDS);
  }

  async #search() {
    const mine = ++this.#turn;
    try {
      const { body } = await get(guildPath(this.guild.id, "/members"), { search: this.field.value.trim(), limit: 5 });
      if (mine !== this.#turn) return;
      this.#members = body.items.map((member) => entry(nameOf(member) ?? member.user_id, t("Member"), guildHref(this.guild.id, `members/${member.user_id}`)));
      this.#draw();
    } catch (error) {
      if (mine === this.#turn) this.note.textContent = error.message;
    }
  }

  #draw() {
    const words = this.field.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    const matching = this.#fixed.filter((each) => words.every((word) => each.searched.includes(word)));
    // What begins with the word comes first.
    const place = (each) => (words.length > 0 && each.searched.startsWith(words[0]) ? 0 : 1);
    this.#shown = [...matching.toSorted((a, b) => place(a) - place(b)), ...this.#members].slice(0, MOST);
    this.note.textContent = this.#shown.length === 0 ? t("Nothing found.") : "";
    this.list.replaceChildren(...this.#shown.map((each, index) => h("li", { role: "option", id: `palette-${index}`, onclick: () => this.#go(each) }, h("span", {}, each.text), h("span", { class: "note" }, each.kind))));
    this.#select(Math.min(this.#active, Math.max(this.#shown.length - 1, 0)));
  }

  #select(index) {
    this.#active = index;
    [...this.list.children].forEach((option, place) => option.setAttribute("aria-selected", String(place === index)));
    this.list.children[index]?.scrollIntoView({ block: "nearest" });
    if (this.#shown.length > 0) this.field.setAttribute("aria-activedescendant", `palette-${index}`);
    else this.field.removeAttribute("aria-activedescendant");
  }

  #key(event) {
    const count = this.#shown.length;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && count > 0) this.#select((this.#active + step + count) % count);
    else if (event.key === "Enter" && count > 0) this.#go(this.#shown[this.#active]);
    else return;
    event.preventDefault();
  }

  #go({ href }) {
    this.opener = null;
    this.dialog.close();
    location.assign(href);
  }

  #closed() {
    clearTimeout(this.#timer);
    isOpen = false;
    this.dialog.remove();
    this.opener?.focus({ preventScroll: true });
  }
}

const entry = (text, kind, href) => ({ text, kind, href, searched: `${text} ${kind}`.toLocaleLowerCase() });

function pages(guild, may) {
  const own = guild === null ? [] : placesFor(may).map(([path, name]) => entry(name, guild.name, guildHref(guild.id, path)));
  return [...own, entry(t("Your guilds"), t("Page"), "#/"), entry(t("Your sessions"), t("Page"), "#/sessions"), entry(t("API reference"), t("Page"), "/schema")];
}

/** Settings of the guild, and all guilds. */
async function found(guild) {
  const [modules, guilds] = await Promise.all([guild === null ? [] : all("/v1/modules"), all("/v1/guilds")]);
  const settings = modules.flatMap((module) => {
    const name = t(module.title ?? module.module);
    const href = (query) => guildHref(guild.id, `settings/${module.module}`, query);
    return [
      entry(name, t("Settings"), href()),
      ...Object.keys(module.schema.properties ?? {}).map((property) => {
        const title = titleOf(module.schema, property);
        return entry(title, `${t("Settings")}: ${name}`, href({ find: title }));
      }),
    ];
  });
  return [...settings, ...guilds.map((each) => entry(each.name, t("Guild"), guildHref(each.id, "overview")))];
}
