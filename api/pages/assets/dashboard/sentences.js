/** Entries of the audit log as sentences. */

import { get, guildPath } from "./api.js";
import { h } from "./dom.js";
import { rich, t, tn } from "./language.js";
import { unlike } from "./merging.js";
import { personLink } from "./people.js";
import { titleOf } from "./schema.js";
import { moduleName } from "./references.js";
import { humanized, inWords, nameOf } from "./words.js";

/** Each kind of entry, as the filter names it. */
export const ACTIONS = {
  "settings.updated": t("Settings changed"),
  "member.xp_adjusted": t("XP changed by hand"),
  "achievement.awarded": t("Achievement awarded"),
  "achievement.revoked": t("Achievement taken away"),
  "achievement.created": t("Achievement made"),
  "achievement.updated": t("Achievement changed"),
  "achievement.deleted": t("Achievement deleted"),
  "achievement.restored": t("Achievement restored"),
  "member.left": t("Member left"),
  "member.renamed": t("Name of a member changed"),
  "member.card_changed": t("Rank card changed"),
  "card_background.replaced": t("Card picture replaced"),
  "card_background.deleted": t("Card picture deleted"),
  "import.requested": t("Import started"),
  "import.finished": t("Import finished"),
  "webhook.created": t("Webhook added"),
  "webhook.updated": t("Webhook changed"),
  "webhook.disabled": t("Webhook paused by Guildhall"),
  "webhook.deleted": t("Webhook removed"),
  "key.created": t("Key made"),
  "key.rotated": t("Key replaced"),
  "key.revoked": t("Key revoked"),
  "guild.created": t("Guild created"),
  "guild.updated": t("Guild changed"),
  "guild.deleted": t("Guild deleted"),
  "guild.restored": t("Guild restored"),
  "roles.updated": t("Roles sent by the bot"),
  "channels.updated": t("Channels sent by the bot"),
};

// `{actor}` did something to `{member}`, or to what is called `{name}`.
const SENTENCES = {
  "member.xp_adjusted": t("{actor} changed the XP of {member} from {before} to {after}"),
  "achievement.awarded": t("{actor} awarded {name} to {member}"),
  "achievement.revoked": t("{actor} took {name} away from {member}"),
  "achievement.created": t("{actor} made the achievement {name}"),
  "achievement.updated": t("{actor} changed the achievement {name}"),
  "achievement.deleted": t("{actor} deleted the achievement {name}"),
  "achievement.restored": t("{actor} restored the achievement {name}"),
  "member.left": t("{actor} marked {member} as left"),
  "member.renamed": t("{actor} changed the name of {member}"),
  "member.card_changed": t("{actor} changed the rank card of {member}"),
  "card_background.replaced": t("{actor} replaced the picture of the rank cards"),
  "card_background.deleted": t("{actor} deleted the picture of the rank cards"),
  "import.requested": t("{actor} started import {name}"),
  "import.finished": t("{actor} finished import {name}"),
  "webhook.created": t("{actor} added webhook {name}"),
  "webhook.updated": t("{actor} changed webhook {name}"),
  "webhook.disabled": t("{actor} paused webhook {name}"),
  "webhook.deleted": t("{actor} removed webhook {name}"),
  "key.created": t("{actor} made key {name}"),
  "key.rotated": t("{actor} replaced key {name}"),
  "key.revoked": t("{actor} revoked key {name}"),
  "guild.created": t("{actor} created this guild here"),
  "guild.updated": t("{actor} changed this guild"),
  "guild.deleted": t("{actor} deleted this guild"),
  "guild.restored": t("{actor} restored this guild"),
  "roles.updated": t("{actor} sent the roles"),
  "channels.updated": t("{actor} sent the channels"),
};

const isAboutAMember = ({ action }) => action.startsWith("member.") || action === "achievement.awarded" || action === "achievement.revoked";
const isPlain = (value) => value === null || typeof value !== "object";

/** What is known of the people in these entries: `actor` gives a name, `member` an element. */
export async function people(entries, { guild, me }) {
  const ids = new Set(entries.flatMap((entry) => [entry.actor.kind === "user" ? entry.actor.id : null, isAboutAMember(entry) ? entry.target : null]));
  ids.delete(null);
  // Only names are wanted: without them, an id says who it is.
  const items = ids.size === 0 ? [] : await get(guildPath(guild.id, "/members"), { ids: [...ids].join(","), limit: 100 }).then(({ body }) => body.items, () => []);
  const known = new Map(items.map((member) => [member.user_id, member]));
  const nameOfPerson = (id) => (known.has(id) ? nameOf(known.get(id)) : null) ?? (id === me.id ? nameOf(me) : null);
  return {
    actor({ kind, id }) {
      if (kind === "user") return id === null ? t("Somebody who was erased") : nameOfPerson(id) ?? t("Person {id}", { id });
      if (kind === "key") return t("The bot with key {id}", { id });
      return kind === "admin" ? t("Administrator {id}", { id: id ?? "" }) : "Guildhall";
    },
    member(id) {
      if (id === null) return t("a member");
      return personLink(guild, known.get(id) ?? { user_id: id, username: null, display_name: null, avatar_url: null });
    },
  };
}

/** One entry as nodes. */
export function sentence(entry, context) {
  const actor = h("b", {}, h("bdi", {}, context.people.actor(entry.actor)));
  if (entry.action === "settings.updated") return aboutSettings(entry, actor, context);
  if (!Object.hasOwn(SENTENCES, entry.action)) return [actor, ": ", humanized(entry.action.replace(".", " "))];
  const { before, after } = entry.changes.xp ?? {};
  return rich(SENTENCES[entry.action], {
    actor,
    member: isAboutAMember(entry) ? context.people.member(entry.target) : null,
    name: h("b", {}, h("bdi", {}, thing(entry))),
    before: inWords(before),
    after: inWords(after),
  });
}

/** What the entry is about, if it is no member. */
function thing({ action, target, changes }) {
  const { achievement, name, url } = changes;
  if (action === "achievement.awarded" || action === "achievement.revoked") return achievement?.after ?? achievement?.before ?? "?";
  return name?.after ?? name?.before ?? url?.after ?? url?.before ?? target ?? "?";
}

function aboutSettings(entry, actor, context) {
  const found = context.modules.get(entry.target);
  const module = h("b", {}, found ? moduleName(found) : humanized(entry.target ?? ""));
  const changes = Object.entries(entry.changes);
  const [name, change] = changes[0] ?? [];
  if (changes.length !== 1) {
    const count = tn("{count} setting", "{count} settings", changes.length);
    return rich("{actor} changed {count} of {module}", { actor, module, count });
  }
  const property = h("b", {}, titleIn(found, name));
  if (!isPlain(change.before) || !isPlain(change.after)) return rich("{actor} changed {property} of {module}", { actor, module, property });
  return rich("{actor} set {property} of {module} from {before} to {after}", { actor, module, property, before: h("del", {}, worded(name, change.before, context)), after: h("ins", {}, worded(name, change.after, context)) });
}

const titleIn = (module, name) => (module ? titleOf(module.schema, name) : humanized(name));

function worded(name, value, { names }) {
  const text = inWords(value, names);
  return name.endsWith("_seconds") && typeof value === "number" ? t("{seconds} s", { seconds: text }) : text;
}

/** Before and after, where the sentence does not say them. */
export function details(entry, context) {
  const module = entry.action === "settings.updated" ? context.modules.get(entry.target) : undefined;
  const changes = Object.entries(entry.changes);
  const isSaid = entry.action === "settings.updated" ? changes.length === 1 && isPlain(changes[0][1].before) && isPlain(changes[0][1].after) : isAboutAMember(entry) && entry.action !== "member.renamed" && entry.action !== "member.left";
  if (changes.length === 0 || isSaid) return null;
  const rows = changes.map(([name, change]) => {
    const [before, after] = unlike(change.before, change.after);
    return [h("dt", {}, module ? titleIn(module, name) : humanized(name)), h("dd", {}, h("del", {}, worded(name, before, context)), " → ", h("ins", {}, worded(name, after, context)))];
  });
  return h("details", {}, h("summary", {}, t("Details")), h("dl", { class: "changes" }, rows));
}
