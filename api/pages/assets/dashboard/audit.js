/** The audit log of a guild: who changed what, when and why, in sentences. */

import { all, get, guildPath } from "./api.js";
import { h, heading, link } from "./dom.js";
import { t } from "./language.js";
import { guildHref } from "./router.js";
import { emptyState } from "./screen.js";
import { ACTIONS, details, people, sentence } from "./sentences.js";
import { referencesOf } from "./references.js";
import { dayAfter, moment } from "./words.js";

const PAGE = 25;

// Who has been seen in the log of a guild, by whoever is logged in: the choices of the filter.
const seen = { guild: null, reader: null, names: new Map() };

export async function auditPage({ me, guild, route }) {
  const { actor, action, from, to, cursor } = route.query;
  const filters = { actor, action, from, to };
  const [{ body }, modules, { names }] = await Promise.all([
    get(guildPath(guild.id, "/audit-log"), { actor, action, from, to: to && dayAfter(to, 1), limit: PAGE, cursor }),
    all("/v1/modules"),
    referencesOf(guild),
  ]);
  const context = { guild, me, modules: new Map(modules.map((module) => [module.module, module])), names, people: await people(body.items, { guild, me }) };
  remember(body.items, context);
  const here = (change) => guildHref(guild.id, "audit", { ...filters, ...change });
  const isFiltered = Object.values(filters).some(Boolean);
  return {
    title: t("Audit log of {guild}", { guild: guild.name }),
    concerns: () => !cursor,
    holds: () => document.querySelector(".log details[open]") !== null,
    node: h(
      "div",
      {},
      heading(t("Audit log")),
      form(filters, guild),
      body.items.length === 0
        ? emptyState(isFiltered ? t("Nothing was found.") : t("Nothing has been changed yet."), isFiltered && link(guildHref(guild.id, "audit"), t("Show everything"), { id: "clear-filters" }))
        : h("ol", { class: "plain stack log", "aria-label": t("Changes, newest first") }, body.items.map((entry) => item(entry, context))),
      h(
        "nav",
        { class: "pages", "aria-label": t("Pages of the audit log") },
        cursor && link(here({}), t("Newest"), { id: "newest" }),
        body.next_cursor && link(here({ cursor: body.next_cursor }), t("Older"), { id: "older" }),
      ),
    ),
  };
}

function item(entry, context) {
  return h(
    "li",
    { class: "card" },
    h("p", {}, sentence(entry, context)),
    entry.reason && h("p", {}, h("q", {}, entry.reason)),
    details(entry, context),
    h("p", { class: "note" }, h("time", { datetime: entry.at }, moment(entry.at)), entry.ip && t(", from {address}", { address: entry.ip })),
  );
}

function remember(entries, { guild, me, people: known }) {
  if (seen.guild !== guild.id || seen.reader !== me.id) Object.assign(seen, { guild: guild.id, reader: me.id, names: new Map() });
  for (const { actor } of entries) {
    if (actor.id !== null) seen.names.set(actor.id, known.actor(actor));
  }
}

/** The filters; each acts at once, and the address follows. */
function form({ actor, action, from, to }, guild) {
  const choose = () => {
    const given = Object.fromEntries([...new FormData(node)].filter(([, value]) => value !== ""));
    location.assign(guildHref(guild.id, "audit", given));
  };
  const actors = new Map(seen.names);
  if (actor && !actors.has(actor)) actors.set(actor, actor);
  const options = (entries, chosen, anything) => [h("option", { value: "" }, anything), ...[...entries].map(([value, text]) => h("option", { value, selected: value === chosen }, text))];
  const field = (name, text, control) => h("p", { class: "field" }, h("label", { for: `audit-${name}` }, text), control);
  const day = (name, value) => h("input", { type: "date", id: `audit-${name}`, name, value });
  const node = h(
    "form",
    { class: "filters", onsubmit: (event) => (event.preventDefault(), choose()), onchange: choose },
    field("action", t("What"), h("select", { id: "audit-action", name: "action" }, options(Object.entries(ACTIONS), action, t("Everything")))),
    field("actor", t("Who"), h("select", { id: "audit-actor", name: "actor" }, options(actors, actor, t("Everybody")))),
    field("from", t("First day"), day("from", from)),
    field("to", t("Last day"), day("to", to)),
  );
  return node;
}
