/** What may be done to a member by hand: XP, leaving, awards. Each asks once, with a reason for the audit log. */

import { call, get, guildPath } from "./api.js";
import { ask, reasonField } from "./dialog.js";
import { h, notify } from "./dom.js";
import { number, t } from "./language.js";
import { nameOf } from "./words.js";

const LARGEST_XP = 2 ** 53;
const LEAVING = {
  keep: t("Nothing changes on the leaderboard: in this guild, those who left stay on it."),
  hide: t("They leave the leaderboard until they come back. Their XP is kept."),
  reset: t("Their XP, stats and achievements here are deleted. You cannot undo this."),
};

const called = (member) => nameOf(member) ?? t("member {userId}", { userId: member.user_id });

/** Gives, takes or sets XP. Sent twice, it counts once. */
export async function changeXp({ guild, member, again }) {
  const once = crypto.randomUUID();
  const send = async (data) => {
    const amount = Number(data.get("amount"));
    const body = { give: { amount }, take: { amount: -amount }, set: { set: amount } }[data.get("how")];
    const path = guildPath(guild.id, `/members/${member.user_id}/xp`);
    return (await call("POST", path, { body, reason: data.get("reason").trim(), once: `${once}-${JSON.stringify(body)}` })).body;
  };
  const option = (value, text) => h("option", { value }, text);
  const answer = await ask({
    title: t("Change the XP of {member}", { member: called(member) }),
    body: [
      h("p", { class: "note" }, t("Now: {xp} XP, level {level}.", { xp: number(member.xp), level: number(member.level) })),
      h(
        "div",
        { class: "fields" },
        h("p", { class: "field" }, h("label", { for: "xp-how" }, t("What")), h("select", { id: "xp-how", name: "how" }, option("give", t("Give")), option("take", t("Take away")), option("set", t("Set to")))),
        h("p", { class: "field" }, h("label", { for: "xp-amount" }, t("XP")), h("input", { id: "xp-amount", name: "amount", type: "number", inputmode: "numeric", min: "0", max: String(LARGEST_XP), step: "1", required: true })),
      ),
      reasonField(),
    ],
    action: t("Change XP"),
    send,
  });
  if (answer === null) return;
  await again();
  const levels = answer.member.level === member.level ? "" : ` ${t("Level {before} → {after}.", { before: number(member.level), after: number(answer.member.level) })}`;
  notify(`${t("{member} now has {xp} XP.", { member: called(member), xp: number(answer.member.xp) })}${levels}`);
}

/** Marks somebody as gone. `gone()` is called where nothing of them is left. */
export async function markAsLeft({ guild, member, again, gone }) {
  const settings = get(guildPath(guild.id, "/settings/leveling"));
  const onLeave = await settings.then(({ body }) => body.values.on_leave, () => null);
  const answer = await ask({
    title: t("Mark {member} as left?", { member: called(member) }),
    body: [h("p", {}, LEAVING[onLeave] ?? t("The guild's settings decide what happens to their XP.")), h("p", { class: "note" }, t("The bot does this by itself when somebody leaves. Do it here if it was offline at the time.")), reasonField()],
    action: t("Mark as left"),
    isDanger: true,
    send: (data) => call("DELETE", guildPath(guild.id, `/members/${member.user_id}`), { reason: data.get("reason").trim() }),
  });
  if (answer === null) return;
  if (onLeave === "reset") gone();
  else await again();
  notify(t("{member} is marked as left.", { member: called(member) }));
}

const awardPath = (guild, member, key) => guildPath(guild.id, `/members/${member.user_id}/achievements/${key}`);

export async function award({ guild, member, item, again }) {
  const answer = await ask({
    title: t("Award “{name}” to {member}?", { name: item.name, member: called(member) }),
    body: [h("p", {}, t("They get it with its rewards, whether or not they meet its condition.")), reasonField()],
    action: t("Award"),
    send: (data) => call("PUT", awardPath(guild, member, item.achievement), { reason: data.get("reason").trim() }),
  });
  if (answer === null) return;
  await again();
  notify(t("{member} has “{name}” now.", { member: called(member), name: item.name }));
}

export async function revoke({ guild, member, item, again }) {
  const keep = h("label", { class: "check" }, h("input", { type: "checkbox", name: "keep" }), t("Let them keep the XP that it gave"));
  const answer = await ask({
    title: t("Take “{name}” away from {member}?", { name: item.name, member: called(member) }),
    body: [h("p", {}, t("They cannot earn it again by themselves. You can award it again by hand.")), keep, reasonField()],
    action: t("Take away"),
    isDanger: true,
    send: (data) => call("DELETE", awardPath(guild, member, item.achievement), { query: { keep_rewards: data.has("keep") ? "true" : null }, reason: data.get("reason").trim() }),
  });
  if (answer === null) return;
  await again();
  notify(t("{member} no longer has “{name}”.", { member: called(member), name: item.name }));
}
