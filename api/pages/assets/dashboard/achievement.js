/** The editor of an achievement: its sentence, how many would get it, its looks and rewards. */

import { all, call, get, guildPath } from "./api.js";
import { ConditionEditor } from "./condition_editor.js";
import { ask, reasonField } from "./dialog.js";
import { alertBox, h, heading, link, notify } from "./dom.js";
import { number, percent, t, tn } from "./language.js";
import { equal } from "./merging.js";
import { guildHref } from "./router.js";
import { customStats } from "./stats.js";

const SIMULATE_MILLISECONDS = 500;
const ICONS = ["💬", "🎙️", "❤️", "⭐", "🔥", "🏆", "🎉", "🌙", "🌱", "🦉", "🧭", "💎"];
const NEW = { key: "", name: "", description: null, icon: "⭐", hidden: false, prerequisites: [], retroactive: true, condition: { stat: "messages", gte: 100 }, rewards: { xp: 0, role_id: null } };

export async function achievementPage({ guild, may, route, again }) {
  const path = guildPath(guild.id, "/achievements");
  const isNew = route.achievement === undefined;
  const [found, own, global, customs, roles] = await Promise.all([
    isNew ? { body: NEW, etag: null } : get(`${path}/${route.achievement}`),
    all(path),
    all("/v1/achievements"),
    customStats(guild),
    get(guildPath(guild.id, "/roles")).then(({ body }) => body.items),
  ]);
  const up = h("p", { class: "up" }, link(guildHref(guild.id, "achievements"), t("← Achievements"), { id: "to-achievements" }));
  const title = isNew ? t("New achievement") : t("Edit “{name}”", { name: found.body.name });
  if (!may.has("achievements:write")) {
    return { title, node: h("div", {}, up, heading(t("You cannot change achievements")), h("p", {}, t("Ask somebody who manages this guild."))) };
  }
  const others = [...new Map([...global, ...own].map((item) => [item.key, item])).values()].filter((item) => item.key !== route.achievement);
  const editor = new Editor({ guild, path, isNew, item: found.body, etag: found.etag, others, customs, roles, again });
  return {
    title,
    concerns: (event) => event.type.startsWith("achievement.") && event.achievement === route.achievement,
    holds: () => editor.isChanged,
    unsaved: () => editor.isChanged,
    node: h("div", {}, up, heading(title), editor.node),
  };
}

class Editor {
  #timer = null;
  #turn = 0;
  #isDone = false;

  constructor({ guild, path, isNew, item, etag, others, customs, roles, again }) {
    Object.assign(this, { guild, path, isNew, item, etag, others, roles, again });
    this.trouble = h("div", { id: "trouble" });
    this.found = h("p", { class: "simulation", id: "simulation", role: "status" });
    this.fields = this.#fields();
    this.condition = new ConditionEditor({ condition: item.condition, customs, changed: () => this.#edited() });
    this.node = this.#draw();
    this.original = this.#draft();
    this.#simulate();
  }

  get isChanged() {
    return !this.#isDone && !equal(this.#draft(), this.original);
  }

  #fields() {
    const { item, roles, others } = this;
    const edited = () => this.#edited();
    const field = (name, attributes = {}) => h("input", { id: `achievement-${name}`, autocomplete: "off", oninput: edited, ...attributes });
    const gone = item.rewards.role_id !== null && !roles.some((role) => role.id === item.rewards.role_id);
    return {
      name: field("name", { required: true, maxlength: "100", value: item.name }),
      key: field("key", { required: true, maxlength: "64", pattern: "[a-z0-9][a-z0-9\\-]*", value: item.key, readonly: !this.isNew }),
      icon: field("icon", { maxlength: "255", value: item.icon ?? "", class: "short" }),
      description: h("textarea", { id: "achievement-description", maxlength: "1000", rows: "2", oninput: edited }, item.description ?? ""),
      xp: field("xp", { type: "number", class: "short", min: "0", step: "1", inputmode: "numeric", value: item.rewards.xp }),
      role: h("select", { id: "achievement-role", onchange: edited }, h("option", { value: "" }, t("No role")), roles.map((role) => h("option", { value: role.id, selected: role.id === item.rewards.role_id }, `@${role.name.replace(/^@/, "")}`)), gone && h("option", { value: item.rewards.role_id, selected: true }, t("A role that is gone"))),
      hidden: h("input", { type: "checkbox", id: "achievement-hidden", checked: item.hidden, onchange: edited }),
      retroactive: h("input", { type: "checkbox", id: "achievement-retroactive", checked: item.retroactive, onchange: edited }),
      prerequisites: others.map((other) => h("input", { type: "checkbox", value: other.key, checked: item.prerequisites.includes(other.key), onchange: edited })),
    };
  }

  #draw() {
    const { fields } = this;
    if (this.isNew) fields.name.addEventListener("input", () => (fields.key.value = keyOf(fields.name.value)));
    const labelled = (input, text, note = null) => h("div", { class: "field" }, h("label", { for: input.id }, text), note && h("p", { class: "note" }, note), input);
    const check = (input, text) => h("label", { class: "check", for: input.id || null }, input, h("span", {}, text));
    const pick = (emoji) => h("button", { type: "button", class: "quiet", "aria-label": t("Use {emoji}", { emoji }), onclick: () => ((fields.icon.value = emoji), this.#edited()) }, emoji);
    const save = (event) => {
      event.preventDefault();
      this.#save();
    };
    return h(
      "form",
      { class: "editor", novalidate: true, onsubmit: save, "aria-labelledby": "heading" },
      h("section", { class: "card" }, h("h2", {}, t("Who gets it")), this.condition.node, this.found, check(fields.retroactive, t("Also award it to members who meet it already, in the background"))),
      h(
        "section",
        { class: "card" },
        h("h2", {}, t("What members see")),
        labelled(fields.name, t("Name")),
        labelled(fields.description, t("Description")),
        h("div", { class: "field" }, h("label", { for: fields.icon.id }, t("Icon")), h("div", { class: "row" }, fields.icon, ICONS.map(pick))),
        check(fields.hidden, t("Hidden: only members who have it see it")),
      ),
      h("section", { class: "card" }, h("h2", {}, t("What it gives")), h("div", { class: "row" }, labelled(fields.xp, t("XP")), labelled(fields.role, t("Role")))),
      h(
        "details",
        { class: "card" },
        h("summary", { id: "achievement-more" }, t("Key and prerequisites")),
        labelled(fields.key, t("Key"), this.isNew ? t("Its name for your bot, and in addresses. It never changes.") : t("Its name for your bot, and in addresses. It cannot change.")),
        fields.prerequisites.length > 0 && h("fieldset", { class: "prerequisites" }, h("legend", {}, t("Members need these first")), fields.prerequisites.map((input, place) => check(input, this.others[place].name))),
      ),
      this.trouble,
      h(
        "div",
        { class: "pages end" },
        !this.isNew && h("button", { type: "button", class: "quiet", id: "delete", onclick: () => this.#delete() }, t("Delete")),
        link(guildHref(this.guild.id, "achievements"), t("Cancel"), { class: "button quiet", id: "cancel" }),
        (this.submit = h("button", { type: "submit", class: "button", id: "save" }, this.isNew ? t("Create") : t("Save"))),
      ),
    );
  }

  #draft() {
    const { fields } = this;
    return {
      key: fields.key.value.trim(),
      name: fields.name.value.trim(),
      description: fields.description.value.trim() || null,
      icon: fields.icon.value.trim() || null,
      hidden: fields.hidden.checked,
      prerequisites: fields.prerequisites.filter((input) => input.checked).map((input) => input.value),
      retroactive: fields.retroactive.checked,
      condition: this.condition.value,
      rewards: { xp: Number(fields.xp.value), role_id: fields.role.value || null },
    };
  }

  #edited() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#simulate(), SIMULATE_MILLISECONDS);
  }

  /** Says how many would get it now. A draft that is not finished says nothing: its faults come with the saving. */
  async #simulate() {
    const mine = ++this.#turn;
    const { key, condition, prerequisites } = this.#draft();
    const body = { condition, prerequisites, ...(this.isNew || key === "" ? {} : { key }) };
    try {
      const { body: answer } = await call("POST", `${this.path}/simulate`, { body });
      if (mine === this.#turn) this.found.textContent = simulated(answer);
    } catch (error) {
      if (mine === this.#turn) this.found.textContent = error.status === 422 ? t("Finish the condition to see how many members meet it.") : t("The count could not be loaded. {message}", { message: error.message });
    }
  }

  async #save() {
    if (this.submit.hasAttribute("aria-disabled")) return;
    this.submit.setAttribute("aria-disabled", "true");
    this.#clearFaults();
    const { key, ...rest } = this.#draft();
    try {
      const { body } = this.isNew ? await call("POST", this.path, { body: { key, ...rest } }) : await call("PATCH", `${this.path}/${key}`, { body: changes(rest, this.original), ifMatch: this.etag });
      this.#leave(this.isNew ? t("“{name}” is there.", { name: body.name }) : `${t("Saved.")}${staying(body.not_qualifying)}`);
    } catch (error) {
      this.#refused(error);
    } finally {
      this.submit.removeAttribute("aria-disabled");
    }
  }

  async #delete() {
    const { name } = this.item;
    const answer = await ask({
      title: t("Delete “{name}”?", { name }),
      body: [h("p", {}, t("Nobody can earn it any more. Members who have it keep it. You can restore it for a while.")), reasonField()],
      action: t("Delete"),
      isDanger: true,
      send: (data) => call("DELETE", `${this.path}/${this.item.key}`, { ifMatch: this.etag, reason: data.get("reason").trim() }),
    });
    if (answer !== null) this.#leave(t("“{name}” is deleted.", { name }));
  }

  #leave(text) {
    this.#isDone = true;
    location.assign(guildHref(this.guild.id, "achievements"));
    notify(text);
  }

  #refused(error) {
    if (error.status === 412) {
      const reload = h("button", { type: "button", class: "quiet", id: "load-theirs", onclick: () => ((this.#isDone = true), this.again()) }, t("Load theirs and discard mine"));
      this.trouble.replaceChildren(alertBox(t("Someone saved before you."), t("Your changes are not saved."), h("p", { class: "retry" }, reload)));
      return;
    }
    const placed = error.errors.map((fault) => ({ ...fault, field: this.#field(fault.pointer ?? "") }));
    for (const { field, message } of placed) mark(field, message);
    this.trouble.replaceChildren(alertBox(t("Not saved."), placed.length > 0 ? t("Look at the marked fields.") : error.message));
    const first = placed[0]?.field;
    first?.closest("details")?.setAttribute("open", "");
    first?.focus();
  }

  #field(pointer) {
    const { fields } = this;
    if (pointer.startsWith("/condition")) return this.condition.field(pointer.slice("/condition".length));
    const names = { "/name": fields.name, "/key": fields.key, "/icon": fields.icon, "/description": fields.description, "/rewards/xp": fields.xp, "/rewards/role_id": fields.role };
    return names[pointer] ?? fields.prerequisites[0] ?? fields.name;
  }

  #clearFaults() {
    this.trouble.replaceChildren();
    for (const note of this.node.querySelectorAll(".fault")) note.remove();
    for (const field of this.node.querySelectorAll("[aria-invalid]")) {
      field.removeAttribute("aria-invalid");
      field.removeAttribute("aria-describedby");
    }
  }
}

function mark(field, message) {
  const note = h("span", { class: "fault", id: `${field.id}-fault` }, message);
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", note.id);
  (field.closest(".chip") ?? field).after(note);
}

/** Only what is new, so that others' changes to the rest stay. */
function changes(draft, original) {
  return Object.fromEntries(Object.entries(draft).filter(([name, value]) => !equal(value, original[name])));
}

function staying(count) {
  if (!count) return "";
  return ` ${tn("{count} member keeps it, though they would not get it now.", "{count} members keep it, though they would not get it now.", count)}`;
}

/** `41 of 3,412 members meet this now (1.2 %). 38 of them do not have it yet.` */
function simulated({ eligible, would_unlock: wouldUnlock, share }) {
  if (eligible === 0) return t("No member meets this now.");
  const members = Math.round(eligible / share);
  const meet = tn("{count} of {members} members meets this now ({share}).", "{count} of {members} members meet this now ({share}).", eligible, { members: number(members), share: percent(share) });
  return wouldUnlock === eligible ? meet : `${meet} ${tn("{count} of them would get it.", "{count} of them would get it.", wouldUnlock)}`;
}

/** `Night owl!` is `night-owl`. */
function keyOf(name) {
  return name.normalize("NFKD").toLowerCase().replaceAll(/[\u0300-\u036f]/g, "").replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-+|-+$/g, "").slice(0, 64);
}
