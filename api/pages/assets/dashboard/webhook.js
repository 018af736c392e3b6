/** One webhook: what it is sent, how that went, and what to do about it. */

import { call, get, guildPath } from "./api.js";
import { ask } from "./dialog.js";
import { h, heading, link, notify } from "./dom.js";
import { eventName } from "./event_names.js";
import { number, t } from "./language.js";
import { guildHref } from "./router.js";
import { emptyState, part } from "./screen.js";
import { deliveryState, editWebhook, eventsText } from "./webhooks.js";
import { moment } from "./words.js";

const PAGE = 25;
const WATCHED_MILLISECONDS = 20000;
const POLL_MILLISECONDS = 2000;

// Deliveries send no events of their own: for a while after something was sent by hand, the page looks again.
let watchedUntil = 0;

export async function webhookPage({ guild, route, again }) {
  const path = guildPath(guild.id, `/webhooks/${route.webhook}`);
  const here = (change) => guildHref(guild.id, `webhooks/${route.webhook}`, change);
  const [{ body: webhook }, deliveries] = await Promise.all([
    get(path),
    part(get(`${path}/deliveries`, { limit: PAGE, cursor: route.query.cursor }), { title: t("The deliveries could not be loaded."), draw: ({ body }) => body, again }),
  ]);
  const context = { guild, webhook, path, again };
  const node = h(
    "div",
    {},
    h("p", { class: "up" }, link(guildHref(guild.id, "webhooks"), t("← Webhooks"), { id: "to-webhooks" })),
    h("div", { class: "title" }, heading(new URL(webhook.url).host, !webhook.enabled && h("span", { class: "tag" }, t("paused"))), h("div", { class: "buttons" }, buttons(context))),
    h("p", {}, h("code", {}, webhook.url)),
    h("p", { class: "note" }, eventsText(webhook.types)),
    !webhook.enabled && h("div", { class: "notice" }, h("p", {}, t("Nothing is sent. Guildhall also pauses a webhook by itself when nothing has arrived for 12 hours."))),
    h("h2", { id: "deliveries" }, t("Deliveries of the last week")),
    deliveries instanceof Node ? deliveries : list(deliveries, { ...context, here, isFirst: !route.query.cursor }),
  );
  if (Date.now() < watchedUntil && deliveries.items?.some((delivery) => delivery.status === "pending")) setTimeout(() => node.isConnected && !document.querySelector("dialog[open]") && again(), POLL_MILLISECONDS);
  return { title: t("Webhook"), concerns: (event) => event.type === "webhook.disabled", node };
}

function buttons(context) {
  const button = (id, text, act, kind = "quiet") => h("button", { type: "button", class: kind, id, onclick: () => act(context) }, text);
  return [
    context.webhook.enabled && button("test-webhook", t("Send a test"), sendTest),
    button("edit-webhook", t("Edit"), editWebhook),
    context.webhook.enabled ? button("pause-webhook", t("Pause"), pause) : button("resume-webhook", t("Resume"), resume, "button"),
    button("remove-webhook", t("Remove"), remove),
  ];
}

/** Does something, shows what has changed, and says it; or why it failed. */
async function act(work, again, text) {
  try {
    await work();
  } catch (error) {
    notify(error.message);
    return;
  }
  await again();
  notify(text);
}

function send(path) {
  watchedUntil = Date.now() + WATCHED_MILLISECONDS;
  return call("POST", path);
}

const sendTest = ({ path, again }) => act(() => send(`${path}/test`), again, t("A test is on its way."));
const resume = ({ path, again }) => act(() => call("PATCH", path, { body: { enabled: true } }), again, t("The webhook gets events again from now on."));
const resend = (delivery, { path, again }) => act(() => send(`${path}/deliveries/${delivery.id}/resend`), again, t("It is sent again now."));

async function pause({ path, again }) {
  const answer = await ask({
    title: t("Pause this webhook?"),
    body: h("p", {}, t("Deliveries that are still waiting are given up, and what happens meanwhile is not sent later.")),
    action: t("Pause"),
    send: () => call("PATCH", path, { body: { enabled: false } }),
  });
  if (answer === null) return;
  await again();
  notify(t("The webhook is paused."));
}

async function remove({ guild, webhook, path }) {
  const answer = await ask({
    title: t("Remove the webhook to {host}?", { host: new URL(webhook.url).host }),
    body: h("p", {}, t("Its deliveries and its secret are deleted. You cannot undo this.")),
    action: t("Remove"),
    isDanger: true,
    send: () => call("DELETE", path),
  });
  if (answer === null) return;
  location.assign(guildHref(guild.id, "webhooks"));
  notify(t("The webhook is removed."));
}

function list(deliveries, { isFirst, here, ...context }) {
  if (deliveries.items.length === 0) return emptyState(isFirst ? t("Nothing was sent in the last week.") : t("No older deliveries."));
  const head = (text, attributes = {}) => h("th", { scope: "col", ...attributes }, text);
  return [
    h(
      "div",
      { class: "scroll" },
      h(
        "table",
        { class: "board deliveries", "aria-labelledby": "deliveries" },
        h("thead", {}, h("tr", {}, head(t("Event")), head(t("Result")), head(t("Attempts"), { class: "number wide" }), head(h("span", { class: "unseen" }, t("Action"))))),
        h("tbody", {}, deliveries.items.map((delivery) => row(delivery, context))),
      ),
    ),
    h(
      "nav",
      { class: "pages", "aria-label": t("Pages of deliveries") },
      !isFirst && link(here({}), t("Newest"), { id: "newest" }),
      deliveries.next_cursor && link(here({ cursor: deliveries.next_cursor }), t("Older"), { id: "older" }),
    ),
  ];
}

function row(delivery, context) {
  const name = eventName(delivery.event);
  const text = delivery.status === "pending" ? t("Send now") : t("Send again");
  const button = h("button", { type: "button", class: "quiet", id: `resend-${delivery.id}`, "aria-label": t("{action}: {event} of {time}", { action: text, event: name, time: moment(delivery.at) }), onclick: () => resend(delivery, context) }, text);
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, name, h("span", { class: "note block" }, moment(delivery.at))),
    h("td", { class: delivery.status }, deliveryState(delivery)),
    h("td", { class: "number wide" }, number(delivery.attempts)),
    h("td", { class: "number" }, context.webhook.enabled && button),
  );
}
