/** Copies a module's settings to another guild that one manages. Roles and channels are found there by name. */

import { all, call, get, guildPath } from "./api.js";
import { ask } from "./dialog.js";
import { h, notify } from "./dom.js";
import { joined, t, tn } from "./language.js";
import { titleOf } from "./schema.js";

const ONE_GUILDS_OWN = ["slug"]; // a short name can be that of one guild only
const GONE = Symbol("no counterpart");

/** Asks where to. `settings`: those that are saved here. */
export async function copySettings({ guild, module, settings }) {
  const others = (await all("/v1/me/guilds")).filter((each) => each.is_here && each.id !== guild.id);
  if (others.length === 0) {
    notify(t("You manage no other guild here."));
    return;
  }
  const found = h("div", { class: "copy-found", role: "status" });
  const source = await referencesOf(guild.id);
  let chosen = null;
  const choose = async (id) => {
    chosen = null;
    const [target, { body, etag }] = await Promise.all([referencesOf(id), get(guildPath(id, `/settings/${module.module}`))]);
    chosen = { id, etag, ...mapped({ settings, module, source, target }) };
    found.replaceChildren(...summary(chosen, body));
  };
  const select = h("select", { id: "copy-to", name: "guild", onchange: () => choose(select.value).catch((error) => found.replaceChildren(error.message)) }, others.map((each) => h("option", { value: each.id }, each.name)));
  await choose(others[0].id);
  const name = () => others.find((each) => each.id === chosen.id).name;
  const answer = await ask({
    title: t("Copy these settings to another guild"),
    body: [h("p", { class: "field" }, h("label", { for: "copy-to" }, t("To")), select), found],
    action: t("Copy settings"),
    send: () => {
      if (chosen === null) throw new Error(t("Wait a moment."));
      return call("PUT", guildPath(chosen.id, `/settings/${module.module}`), { body: chosen.values, ifMatch: chosen.etag, reason: t("copied from {guild}", { guild: guild.name }) });
    },
  });
  if (answer !== null) notify(t("Copied to {guild}.", { guild: name() }));
}

/** Ids by name and names by id, of roles and channels. */
async function referencesOf(guildId) {
  const lists = await Promise.all(["roles", "channels"].map((kind) => get(guildPath(guildId, `/${kind}`))));
  const items = lists.flatMap(({ body }, place) => body.items.map(({ id, name }) => ({ id, name, key: `${place} ${name.toLowerCase()}` })));
  return { names: new Map(items.map(({ id, name }) => [id, name])), keys: new Map(items.map(({ id, key }) => [id, key])), ids: new Map(items.map(({ id, key }) => [key, id])) };
}

/** `{values, missing}`: what is sent, and what has no counterpart, as texts. */
function mapped({ settings, module, source, target }) {
  const missing = [];
  const values = {};
  for (const name of settings.overridden.filter((each) => !ONE_GUILDS_OWN.includes(each))) {
    const lost = new Set();
    const value = translated(settings.values[name], { source, target, lost });
    if (value !== GONE) values[name] = value;
    if (lost.size > 0) missing.push(`${titleOf(module.schema, name)}: ${joined([...lost])}`);
  }
  return { values, missing };
}

/** A value with the other guild's ids. What names something that is not there is left out, an entry of a list as a whole. */
function translated(value, context) {
  const { source, target, lost } = context;
  if (typeof value === "string" && source.keys.has(value)) {
    const id = target.ids.get(source.keys.get(value));
    if (id === undefined) lost.add(source.names.get(value));
    return id ?? GONE;
  }
  if (Array.isArray(value)) return value.map((item) => translated(item, context)).filter((item) => item !== GONE);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).map(([name, item]) => [name, translated(item, context)]);
  return members.some(([, item]) => item === GONE) ? GONE : Object.fromEntries(members);
}

function summary({ values, missing }, there) {
  const count = Object.keys(values).length;
  return [
    h("p", {}, count === 0 ? t("All of its settings return to their defaults: none is set here.") : tn("{count} setting is copied. The others return to their defaults.", "{count} settings are copied. The others return to their defaults.", count)),
    there.overridden.length > 0 && h("p", { class: "note" }, tn("{count} setting there is replaced. Its history keeps it.", "{count} settings there are replaced. The history keeps them.", there.overridden.length)),
    missing.length > 0 && h("div", { class: "notice" }, h("p", {}, t("Not there, so left out:")), h("ul", {}, missing.map((text) => h("li", {}, text)))),
  ].filter(Boolean);
}
