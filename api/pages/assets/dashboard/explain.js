/** What an event of a member would earn now, and why. */

import { call, get, guildPath } from "./api.js";
import { alertBox, freshId, h } from "./dom.js";
import { number, t } from "./language.js";
import { referencesOf } from "./references.js";

const KINDS = { message: t("a message"), voice: t("10 minutes of voice"), reaction: t("a reaction"), command: t("a command") };
const VOICE_SECONDS = 600;

/** A section that is asked for at a click, since it needs the roles, the channels and the settings. */
export function explainPart({ guild, member }) {
  const place = h("div", {});
  const open = async () => {
    try {
      place.replaceChildren(await form({ guild, member }));
      place.querySelector("select").focus();
    } catch (error) {
      place.prepend(alertBox(t("This could not be loaded."), error.message));
    }
  };
  place.append(h("button", { type: "button", class: "quiet", id: "explain", onclick: open }, t("What would an event earn now?")));
  return h("section", { "aria-labelledby": "explained" }, h("h2", { id: "explained" }, t("What brings XP")), place);
}

async function form({ guild, member }) {
  const [{ choices }, { body: settings }] = await Promise.all([referencesOf(guild), get(guildPath(guild.id, "/settings/leveling"))]);
  const { role_multipliers: multipliers, ignored_role_ids: ignored } = settings.values;
  const counted = new Set([...multipliers.map((each) => each.role_id), ...ignored]);
  const roles = choices.role.filter((role) => counted.has(role.id));
  const answer = h("div", { role: "status" });
  const names = new Map([...choices.role, ...choices.channel].map(({ id, name }) => [id, name]));
  const select = (name, text, options) => {
    const id = freshId(name);
    return h("p", { class: "field" }, h("label", { for: id }, text), h("select", { id, name }, options.map(([value, label]) => h("option", { value }, label))));
  };
  const box = (role) => h("label", { class: "check" }, h("input", { type: "checkbox", name: "roles", value: role.id }), role.name);
  const submit = async (event) => {
    event.preventDefault();
    await explain(new FormData(event.target), { guild, member, names, answer });
  };
  return h(
    "form",
    { class: "card", id: "explain-form", onsubmit: submit },
    h(
      "div",
      { class: "filters" },
      select("kind", t("What"), Object.entries(KINDS)),
      select("channel", t("Where"), [["", t("no channel")], ...choices.channel.map(({ id, name }) => [id, name])]),
    ),
    roles.length > 0 && h("fieldset", { class: "checks plain-set" }, h("legend", {}, t("With these roles")), roles.map(box)),
    h("p", {}, h("button", { type: "submit", class: "quiet" }, t("Work it out"))),
    h("p", { class: "note" }, t("This counts nothing. It uses the settings, the cooldown and the daily cap as they are now.")),
    answer,
  );
}

async function explain(data, { guild, member, names, answer }) {
  const kind = data.get("kind");
  const event = {
    id: crypto.randomUUID(),
    type: kind,
    user_id: member.user_id,
    occurred_at: new Date().toISOString(),
    ...(data.get("channel") !== "" && { channel_id: data.get("channel") }),
    ...(data.has("roles") && { role_ids: data.getAll("roles") }),
    ...(kind === "voice" && { seconds: VOICE_SECONDS }),
    ...(kind === "command" && { name: "rank" }),
  };
  try {
    const { body } = await call("POST", guildPath(guild.id, "/activity/explain"), { body: { events: [event] } });
    answer.replaceChildren(verdict(body.items[0], names));
  } catch (error) {
    answer.replaceChildren(alertBox(t("This could not be worked out."), error.message));
    if (error.status === undefined) throw error;
  }
}

function verdict(item, names) {
  const factorName = (of) => (of === "guild" ? t("this guild") : names.get(of.split(":")[1]) ?? of);
  return h(
    "div",
    {},
    h("p", {}, h("b", {}, t("{xp} XP", { xp: number(item.xp) })), " – ", item.reason),
    item.multipliers.length > 0 && h("ul", {}, item.multipliers.map(({ of, factor }) => h("li", {}, t("Multiplier of {name}: {factor}", { name: factorName(of), factor: number(factor) })))),
  );
}
