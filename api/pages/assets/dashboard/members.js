/** The members of a guild by name, and a search among them. */

import { h, heading } from "./dom.js";
import { number, t, tn } from "./language.js";
import { BY_NAME, membersBy, sortsOf } from "./member_pages.js";
import { personLink } from "./people.js";
import { guildHref } from "./router.js";
import { announce, emptyState, failure, skeleton, whileLoading } from "./screen.js";
import { customStats } from "./stats.js";
import { amount, day, statName } from "./words.js";

const PAGE = 50;
const TYPING_MILLISECONDS = 300;

export async function membersPage({ me, guild, route }) {
  const list = new MemberList({ me, guild, customs: await customStats(guild), sort: route.query.sort });
  await list.find(route.query.search ?? "");
  return {
    title: t("Members of {name}", { name: guild.name }),
    concerns: (event) => event.type === "import.finished" && !list.isInUse,
    node: h("div", {}, heading(t("Members")), list.search, list.node),
  };
}

class MemberList {
  #turn = 0;
  #timer = null;
  #text = "";

  constructor({ me, guild, customs, sort }) {
    this.me = me;
    this.guild = guild;
    this.node = h("div", { class: "member-list" });
    this.count = h("p", { class: "note", role: "status", id: "found" });
    this.field = h("input", { type: "search", id: "search", autocomplete: "off", maxlength: "200", oninput: () => this.#typed() });
    const options = Object.entries(sortsOf(customs)).map(([value, text]) => h("option", { value, selected: value === sort }, text));
    this.sort = h("select", { id: "sort", onchange: () => this.find(this.field.value) }, options);
    const submit = (event) => {
      event.preventDefault();
      this.find(this.field.value);
    };
    this.search = h("form", { class: "search", role: "search", onsubmit: submit }, h("label", { for: "search" }, t("Search by name or id")), this.field, h("label", { for: "sort" }, t("Sort by")), this.sort, this.count);
  }

  /** Whether somebody searches or has gone on to further pages, which nothing may take away. */
  get isInUse() {
    return document.activeElement === this.field || this.node.querySelectorAll("tbody tr").length > PAGE;
  }

  /** The stat that has a column besides XP. */
  get #stat() {
    return [BY_NAME, "xp"].includes(this.sort.value) ? "messages" : this.sort.value;
  }

  /** The classes of two columns: on a phone, that is seen by which members are sorted. */
  get #columns() {
    return this.#stat === this.sort.value ? { xp: "number wide", stat: "number" } : { xp: "number", stat: "number wide" };
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.find(this.field.value), TYPING_MILLISECONDS);
  }

  /** Shows whose names begin with the text; the address follows, so that it can be kept and sent. */
  async find(text) {
    clearTimeout(this.#timer);
    this.#text = text.trim();
    if (this.field.value.trim() !== this.#text) this.field.value = this.#text;
    this.sort.disabled = this.#text !== "";
    const wanted = guildHref(this.guild.id, "members", { search: this.#text, sort: this.sort.value || null });
    if (location.hash.startsWith(guildHref(this.guild.id, "members"))) history.replaceState(null, "", wanted);
    await this.#show(null);
  }

  async #show(cursor) {
    const mine = ++this.#turn;
    const again = () => this.#show(cursor);
    try {
      const asked = membersBy(this.sort.value, { guild: this.guild, search: this.#text, limit: PAGE, cursor });
      const body = await whileLoading(asked, () => mine === this.#turn && this.#loading(cursor));
      if (mine !== this.#turn) return;
      if (cursor === null) this.#full(body);
      else this.#more(body);
    } catch (error) {
      if (mine !== this.#turn) return;
      if (cursor === null) this.node.replaceChildren(failure(t("The members could not be loaded."), error, again));
      else this.end.replaceChildren(failure(t("The next members could not be loaded."), error, again));
      if (error.status === undefined) throw error;
    } finally {
      if (mine === this.#turn) announce("");
    }
  }

  #loading(cursor) {
    announce(t("Loading members…"));
    if (cursor === null) this.node.replaceChildren(skeleton("rows"));
  }

  #full(body) {
    this.count.textContent = this.#text === "" ? "" : found(body);
    if (body.items.length === 0) {
      this.node.replaceChildren(this.#text === "" ? nobody() : this.#noOne());
      return;
    }
    this.rows = h("tbody", {});
    this.end = h("div", { class: "pages" });
    const head = (text, attributes = {}) => h("th", { scope: "col", ...attributes }, text);
    this.node.replaceChildren(
      h(
        "div",
        { class: "scroll" },
        h("table", { class: "board", "aria-label": t("Members") }, h("thead", {}, h("tr", {}, head(t("Member")), head(t("Level"), { class: "number" }), head(t("XP"), { class: this.#columns.xp }), head(statName(this.#stat), { class: this.#columns.stat }), head(t("Last active"), { class: "number wide" }))), this.rows),
      ),
      this.end,
    );
    this.#more(body);
  }

  #more(body) {
    const focused = document.activeElement?.id === "more-members";
    const rows = body.items.map((member) => this.#row(member));
    this.rows.append(...rows);
    const next = () => this.#show(body.next_cursor);
    this.end.replaceChildren(...(body.next_cursor === null ? [] : [h("button", { type: "button", class: "quiet", id: "more-members", onclick: next }, t("Show more"))]));
    if (focused) rows[0]?.querySelector("a")?.focus();
  }

  #row(member) {
    const isMe = member.user_id === this.me.id;
    return h(
      "tr",
      { class: isMe ? "mine" : null },
      h("th", { scope: "row" }, personLink(this.guild, member, isMe && h("span", { class: "tag" }, t("you")))),
      h("td", { class: "number" }, number(member.level)),
      h("td", { class: this.#columns.xp }, number(member.xp)),
      h("td", { class: this.#columns.stat }, amount(this.#stat, valueOf(member, this.#stat))),
      h("td", { class: "number wide" }, day(member.last_active_at)),
    );
  }

  #noOne() {
    const clear = () => {
      this.find("");
      this.field.focus();
    };
    return emptyState(t("Nobody's name begins with “{text}”.", { text: this.#text }), h("button", { type: "button", class: "quiet", id: "clear-search", onclick: clear }, t("Clear the search")));
  }
}

/** A member's total. Only own properties: every object has a `constructor`. */
function valueOf(member, stat) {
  const counts = { ...member.custom_stats, ...member.stats };
  return Object.hasOwn(counts, stat) ? counts[stat] : 0;
}

function nobody() {
  return emptyState(t("No members yet. They appear as soon as the bot counts their activity, or after an import."));
}

function found(body) {
  if (body.items.length === 0) return t("No members found.");
  if (body.next_cursor !== null) return t("More than {count} members found.", { count: number(body.items.length) });
  return tn("{count} member found.", "{count} members found.", body.items.length);
}
