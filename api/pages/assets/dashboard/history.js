/** The revisions of a module's settings: who, when, why, what; and the way back to each of them. */

import { call, get, guildPath } from "./api.js";
import { alertBox, h, heading, link, notify } from "./dom.js";
import { t } from "./language.js";
import { unlike } from "./merging.js";
import { guildHref } from "./router.js";
import { emptyState } from "./screen.js";
import { titleOf } from "./schema.js";
import { moduleName, referencesOf } from "./references.js";
import { actorName, inWords, moment } from "./words.js";

const PAGE = 20;

export async function historyPage({ me, guild, route, again }) {
  const path = guildPath(guild.id, `/settings/${route.module}`);
  const [{ body: module }, { body: current, etag }, { body: revisions }, { names }] = await Promise.all([
    get(`/v1/modules/${route.module}`),
    get(path),
    get(`${path}/revisions`, { limit: PAGE, cursor: route.query.cursor }),
    referencesOf(guild),
  ]);
  const trouble = h("div", {});

  async function restore(revision) {
    try {
      const { body } = await call("POST", `${path}/revisions/${revision}/restore`, { ifMatch: etag, reason: t("back to revision {revision}", { revision }) });
      await again();
      notify(body.revision === current.revision ? t("Nothing to restore: the settings are the same.") : t("Restored, as revision {revision}.", { revision: body.revision }));
    } catch (error) {
      if (error.status === 412) await again();
      const text = error.status === 412 ? t("Somebody else changed the settings meanwhile. This is the newest history: look again.") : error.message;
      (document.getElementById("history-trouble") ?? trouble).replaceChildren(alertBox(t("Not restored."), text));
    }
  }

  trouble.id = "history-trouble";
  const entry = (revision) => item(revision, { me, module, names, isCurrent: revision.revision === current.revision, restore });
  return {
    title: t("History of {module}", { module: moduleName(module) }),
    concerns: (event) => event.type === "settings.updated" && event.module === route.module,
    node: h(
      "div",
      {},
      heading(t("History of {module}", { module: moduleName(module) })),
      h("p", {}, link(guildHref(guild.id, `settings/${route.module}`), t("Back to the settings"), { id: "to-settings" })),
      trouble,
      revisions.items.length === 0 && emptyState(t("Nobody has changed these settings yet.")),
      h("ol", { class: "history", reversed: true }, revisions.items.map(entry), revisions.next_cursor === null && current.revision > 0 && h("li", {}, beginning(restore))),
      revisions.next_cursor && h("p", { class: "pages" }, link(guildHref(guild.id, `settings/${route.module}/history`, { cursor: revisions.next_cursor }), t("Older"), { id: "older" })),
    ),
  };
}

function item(revision, { me, module, names, isCurrent, restore }) {
  const changes = Object.entries(revision.changes);
  return h(
    "li",
    {},
    h(
      "div",
      { class: "card" },
      h("h2", {}, t("Revision {revision}", { revision: revision.revision }), isCurrent && h("span", { class: "tag" }, t("now"))),
      h("p", { class: "note" }, t("{at}, by {actor}", { at: moment(revision.at), actor: actorName(revision.actor, me) })),
      revision.reason && h("p", {}, t("Why:"), " ", h("q", {}, revision.reason)),
      changes.length === 0 ? h("p", {}, t("No value changed.")) : h("dl", { class: "changes" }, changes.map(([name, change]) => changed(titleOf(module.schema, name), change, names))),
      !isCurrent && h("button", { type: "button", class: "quiet", id: `restore-${revision.revision}`, onclick: () => restore(revision.revision) }, t("Restore revision {revision}", { revision: revision.revision })),
    ),
  );
}

function changed(title, change, names) {
  const [before, after] = unlike(change.before, change.after);
  return [h("dt", {}, title), h("dd", {}, h("del", {}, inWords(before, names)), " → ", h("ins", {}, inWords(after, names)))];
}

function beginning(restore) {
  return h("div", { class: "card" }, h("h2", {}, t("Before the first change")), h("p", { class: "note" }, t("Every value by default.")), h("button", { type: "button", class: "quiet", id: "restore-0", onclick: () => restore(0) }, t("Restore all defaults")));
}
