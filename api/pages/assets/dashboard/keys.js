/** The keys of a guild: what each may do, when it was used, and the way to make and to revoke one. */

import { call, get, guildPath } from "./api.js";
import { ask } from "./dialog.js";
import { freshId, h, heading, link, notify } from "./dom.js";
import { t } from "./language.js";
import { guildHref } from "./router.js";
import { emptyState } from "./screen.js";
import { showSecret } from "./secret.js";
import { day, moment } from "./words.js";

const PAGE = 25;
const DAY = 24 * 3600 * 1000;
const LIVES = { 30: t("30 days"), 90: t("90 days"), 365: t("one year"), "": t("until somebody revokes it") };

const SCOPES = {
  "guilds:read": t("See the guild, its roles and channels"),
  "guilds:write": t("Change the guild, its roles and channels"),
  "settings:read": t("See settings"),
  "settings:write": t("Change settings"),
  "members:read": t("See members and leaderboards"),
  "members:write": t("Change XP, import and export"),
  "achievements:read": t("See achievements"),
  "achievements:write": t("Make, change and award achievements"),
  "events:read": t("Follow events"),
  "webhooks:write": t("Manage webhooks"),
  "audit:read": t("Read the audit log"),
  "keys:manage": t("Make and revoke keys"),
};
// With it, keys see hidden people, which people do not. So people cannot give it.
const NOT_GIVEN = "members:write";

export async function keysPage({ guild, may, route, again }) {
  const path = guildPath(guild.id, "/keys");
  const { cursor } = route.query;
  const { body } = await get(path, { limit: PAGE, cursor });
  const add = h("button", { type: "button", class: "button", id: "make-key", onclick: () => makeKey({ path, may, again }) }, t("Make a key"));
  const here = (change) => guildHref(guild.id, "keys", change);
  return {
    title: t("Keys of {guild}", { guild: guild.name }),
    concerns: () => false,
    node: h(
      "div",
      {},
      h("div", { class: "title" }, heading(t("Keys")), body.items.length > 0 && h("div", { class: "buttons" }, add)),
      h("p", { class: "note" }, t("With a key, a bot or a website of yours uses the API for this guild. You see keys that may do no more than you.")),
      body.items.length === 0 ? emptyState(cursor ? t("No more keys.") : t("No keys yet."), add) : table(body.items, { path, again }),
      h(
        "nav",
        { class: "pages", "aria-label": t("Pages of keys") },
        cursor && link(here({}), t("Newest"), { id: "newest" }),
        body.next_cursor && link(here({ cursor: body.next_cursor }), t("Older"), { id: "older" }),
      ),
    ),
  };
}

function table(keys, context) {
  const head = (text, attributes = {}) => h("th", { scope: "col", ...attributes }, text);
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      { class: "board", "aria-label": t("Keys") },
      h("thead", {}, h("tr", {}, head(t("Key")), head(t("Last used")), head(h("span", { class: "unseen" }, t("Action"))))),
      h("tbody", {}, keys.map((key) => row(key, context))),
    ),
  );
}

function row(key, context) {
  const button = h("button", { type: "button", class: "quiet", id: `revoke-${key.id}`, "aria-label": t("Revoke {name}", { name: key.name }), onclick: () => revoke(key, context) }, t("Revoke"));
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("bdi", {}, key.name), h("span", { class: "note block" }, h("code", {}, `${key.prefix}…`)), h("span", { class: "note block" }, key.scopes.map((scope) => SCOPES[scope] ?? scope).join(", ")), h("span", { class: "note block" }, key.expires_at === null ? t("Made {day}", { day: day(key.created_at) }) : t("Expires {day}", { day: day(key.expires_at) }))),
    h("td", {}, moment(key.last_used_at)),
    h("td", { class: "number" }, button),
  );
}

async function makeKey({ path, may, again }) {
  const name = freshId("name");
  const life = freshId("life");
  const given = Object.entries(SCOPES).filter(([scope]) => may.has(scope) && scope !== NOT_GIVEN);
  const box = ([scope, text]) => h("label", { class: "check" }, h("input", { type: "checkbox", name: "scopes", value: scope, checked: scope.endsWith(":read") && scope !== "audit:read" }), text);
  const send = async (data) => {
    const days = data.get("life");
    const body = { name: data.get("name"), scopes: data.getAll("scopes"), expires_at: days === "" ? null : new Date(Date.now() + days * DAY).toISOString() };
    return (await call("POST", path, { body })).body;
  };
  const answer = await ask({
    title: t("Make a key"),
    body: [
      h("p", { class: "field" }, h("label", { for: name }, t("Name")), h("input", { id: name, name: "name", required: true, maxlength: "100", autocomplete: "off", placeholder: t("statistics page") })),
      h("p", { class: "field" }, h("label", { for: life }, t("Works for")), h("select", { id: life, name: "life" }, ["90", "30", "365", ""].map((value) => h("option", { value }, LIVES[value])))),
      h("fieldset", { class: "checks" }, h("legend", {}, t("What it may do")), given.map(box)),
    ],
    action: t("Make the key"),
    send,
  });
  if (answer === null) return;
  await again();
  await showSecret({
    title: t("The key {name}", { name: answer.name }),
    note: t("Keep it where only your program reads it. You see it only now."),
    secret: answer.secret,
  });
}

async function revoke(key, { path, again }) {
  const answer = await ask({
    title: t("Revoke the key {name}?", { name: key.name }),
    body: h("p", {}, t("Programs that use it stop working within five seconds, and so do the keys that it made. You cannot undo this.")),
    action: t("Revoke"),
    isDanger: true,
    send: () => call("DELETE", `${path}/${key.id}`),
  });
  if (answer === null) return;
  await again();
  notify(t("The key is revoked."));
}
