/** The webhooks of a guild: where each one sends, which events, and how its last delivery went. */

import { all, call, get, guildPath } from "./api.js";
import { ask } from "./dialog.js";
import { freshId, h, heading, link, notify } from "./dom.js";
import { EVENTS, eventName, outcomeText } from "./event_names.js";
import { t, tn } from "./language.js";
import { guildHref } from "./router.js";
import { emptyState, part } from "./screen.js";
import { showSecret } from "./secret.js";
import { moment } from "./words.js";

const MOST = 10; // of a guild

export async function webhooksPage({ guild, again }) {
  const path = guildPath(guild.id, "/webhooks");
  const webhooks = await all(path);
  const cards = await Promise.all(webhooks.map((webhook) => card(webhook, { guild, path, again })));
  const add = h("button", { type: "button", class: "button", id: "add-webhook", onclick: () => addWebhook({ guild, path }) }, t("Add webhook"));
  return {
    title: t("Webhooks of {guild}", { guild: guild.name }),
    concerns: (event) => event.type === "webhook.disabled",
    node: h(
      "div",
      {},
      h("div", { class: "title" }, heading(t("Webhooks")), webhooks.length > 0 && webhooks.length < MOST && h("div", { class: "buttons" }, add)),
      h("p", { class: "note" }, t("A webhook tells another server what happens in this guild, as soon as it happens.")),
      webhooks.length === 0 ? emptyState(t("No webhooks yet."), add) : h("ul", { class: "plain stack" }, cards),
      webhooks.length >= MOST && h("p", { class: "note" }, tn("A guild can have {count} webhook.", "A guild can have {count} webhooks.", MOST)),
    ),
  };
}

async function card(webhook, { guild, path, again }) {
  const last = await part(get(`${path}/${webhook.id}/deliveries`, { limit: 1 }), {
    title: t("Its deliveries could not be loaded."),
    draw: ({ body }) => h("p", { class: "note" }, lastDelivery(body.items[0])),
    again,
  });
  return h(
    "li",
    { class: "card" },
    h("h2", {}, link(guildHref(guild.id, `webhooks/${webhook.id}`), webhook.url, { id: `webhook-${webhook.id}` }), !webhook.enabled && h("span", { class: "tag" }, t("paused"))),
    h("p", {}, eventsText(webhook.types)),
    last,
  );
}

function lastDelivery(delivery) {
  if (delivery === undefined) return t("Nothing was sent in the last week.");
  return t("{event}, {time}: {state}", { event: eventName(delivery.event), time: moment(delivery.at), state: deliveryState(delivery) });
}

/** How a delivery went, with the error if there is one. */
export function deliveryState(delivery) {
  if (delivery.status === "delivered") return t("delivered");
  if (delivery.status === "failed") return delivery.outcome === null ? t("not sent") : t("failed: {error}", { error: outcomeText(delivery.outcome) });
  if (delivery.outcome === null) return t("waits to be sent");
  return t("failed: {error}. Next try: {time}", { error: outcomeText(delivery.outcome), time: moment(delivery.next_attempt_at) });
}

export const eventsText = (types) => (types.length === 0 ? t("All events") : types.map(eventName).join(", "));

/** The fields of a webhook. `of`: the present one, if there is one. */
function fields(of = { url: "", types: [] }) {
  const url = freshId("url");
  const box = ([type, name]) => h("label", { class: "check" }, h("input", { type: "checkbox", name: "types", value: type, checked: of.types.includes(type) }), name);
  return [
    h("p", { class: "field" }, h("label", { for: url }, t("Address")), h("input", { id: url, name: "url", type: "url", required: true, maxlength: "2048", autocomplete: "off", placeholder: "https://bot.example/guildhall", value: of.url })),
    h("fieldset", { class: "checks" }, h("legend", {}, t("Events (none chosen: all)")), Object.entries(EVENTS).map(box)),
  ];
}

const given = (data) => ({ url: data.get("url").trim(), types: data.getAll("types") });

async function addWebhook({ guild, path }) {
  const answer = await ask({
    title: t("Add a webhook"),
    body: fields(),
    action: t("Add webhook"),
    send: async (data) => (await call("POST", path, { body: given(data) })).body,
  });
  if (answer === null) return;
  await showSecret({
    title: t("The webhook's secret"),
    note: t("Your server needs it to check that a delivery comes from Guildhall. You see it only now."),
    secret: answer.secret,
  });
  location.assign(guildHref(guild.id, `webhooks/${answer.id}`));
}

export async function editWebhook({ webhook, path, again }) {
  const answer = await ask({
    title: t("Edit the webhook"),
    body: fields(webhook),
    action: t("Save"),
    send: (data) => call("PATCH", path, { body: given(data) }),
  });
  if (answer === null) return;
  await again();
  notify(t("Saved."));
}
