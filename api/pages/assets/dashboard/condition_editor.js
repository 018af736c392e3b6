/** The editor of a condition: a sentence of small fields, in groups of "all of" and "any of". */

import { freshId, h } from "./dom.js";
import { withinName } from "./conditions.js";
import { t } from "./language.js";
import { statName } from "./words.js";

const MOST_COMPARISONS = 20;
const MOST_DEPTH = 4;
const STATS = ["messages", "voice_seconds", "reactions", "commands", "xp", "level", "streak"];
const NOT_BY_DAY = ["xp", "level", "streak"];
const WINDOWS = ["1d", "7d", "30d", "90d", "365d"];
const OWN = "…";

const HOUR = 3600;
const FIRST = { stat: "messages", gte: 100 };

/** `customs`: the guild's own stats. `changed()` is called after each change. */
export class ConditionEditor {
  constructor({ condition, customs, changed }) {
    this.stats = [...STATS, ...customs];
    this.changed = changed;
    this.root = condition.stat ? { kind: "all", parts: [leafOf(condition)] } : groupOf(condition);
    this.node = h("div", { class: "sentence" });
    this.#draw();
  }

  /** As the API takes it. A group of one is what is in it. */
  get value() {
    return valueOf(this.root) ?? {};
  }

  /** The field of a pointer within the condition, or the nearest one around it. */
  field(pointer) {
    const names = pointer.split("/").slice(1);
    let node = inner(this.root);
    while (node.parts && names.length > 1 && node.parts[Number(names[1])]) {
      node = inner(node.parts[Number(names[1])]);
      names.splice(0, 2);
    }
    return node.fields?.[names[0]] || node.fields?.gte || this.node.querySelector("select");
  }

  #draw(focus = null) {
    this.count = comparisons(this.root);
    this.node.replaceChildren(this.#group(this.root, null, 1));
    if (focus !== null) this.node.querySelector(`#${focus}`)?.focus();
  }

  #change(focus) {
    this.#draw(focus);
    this.changed();
  }

  #group(group, parent, depth) {
    group.id ??= freshId("group");
    const kind = h("select", { id: group.id, onchange: (event) => ((group.kind = event.target.value), this.#change(group.id)) }, h("option", { value: "all", selected: group.kind === "all" }, t("all of these")), h("option", { value: "any", selected: group.kind === "any" }, t("any of these")));
    const add = (part) => {
      group.parts.push(part);
      this.#change((part.parts?.[0] ?? part).id);
    };
    const isFull = this.count >= MOST_COMPARISONS;
    const button = (text, label, part, disabled) => h("button", { type: "button", class: "quiet", id: `${group.id}-${part.parts ? "any" : "and"}`, "aria-label": label, disabled, onclick: () => add(part) }, text);
    const other = group.kind === "all" ? "any" : "all";
    const word = group.kind === "all" ? t("and") : t("or");
    const [another, inner] = group.kind === "all" ? [t("+ and: add a condition"), t("+ any of")] : [t("+ or: add a condition"), t("+ all of")];
    return h(
      "fieldset",
      { class: "group-of" },
      h("legend", { class: "unseen" }, depth === 1 ? t("Condition") : t("Group within the condition")),
      h("p", { class: "row" }, h("label", { for: group.id }, depth === 1 ? t("A member needs") : t("needs")), kind, parent && this.#remove(group, parent, t("Remove this group"))),
      group.parts.map((part, place) => [place > 0 && h("p", { class: "joint", "aria-hidden": "true" }, word), part.parts ? this.#group(part, group, depth + 1) : this.#leaf(part, group)]),
      h(
        "p",
        { class: "row" },
        button(`+ ${word}`, another, newLeaf(), isFull),
        depth < MOST_DEPTH && button(inner, t("{button}: add a group", { button: inner }), { kind: other, parts: [newLeaf(), newLeaf()] }, this.count + 2 > MOST_COMPARISONS),
      ),
    );
  }

  #leaf(leaf, parent) {
    const isOwn = leaf.isOwn && !this.stats.includes(leaf.stat);
    const set = (change) => {
      Object.assign(leaf, change);
      this.changed();
    };
    const choose = (event) => {
      const stat = event.target.value;
      if ((stat === "voice_seconds") !== (leaf.stat === "voice_seconds")) leaf.gte = stat === "voice_seconds" ? HOUR : FIRST.gte;
      Object.assign(leaf, stat === OWN ? { isOwn: true, stat: "" } : { isOwn: false, stat });
      if (NOT_BY_DAY.includes(leaf.stat)) leaf.within = "";
      this.#change(stat === OWN ? `${leaf.id}-own` : leaf.id);
    };
    const unit = unitOf(leaf);
    const stat = h("select", { id: leaf.id, "aria-label": t("Stat"), onchange: choose }, this.stats.map((name) => h("option", { value: name, selected: !isOwn && name === leaf.stat }, statName(name))), h("option", { value: OWN, selected: isOwn }, t("A stat of your bot…")));
    const own = isOwn && h("input", { id: `${leaf.id}-own`, "aria-label": t("Name of the stat"), value: leaf.stat, pattern: "[a-z][a-z0-9_]*", maxlength: "64", placeholder: "duels_won", autocomplete: "off", oninput: (event) => set({ stat: event.target.value.trim() }) });
    const gte = h("input", { type: "number", class: "short", id: `${leaf.id}-gte`, "aria-label": t("At least"), min: "1", step: "1", inputmode: "numeric", value: leaf.gte === null ? "" : leaf.gte / unit.size, oninput: (event) => set({ gte: event.target.value === "" ? null : Number(event.target.value) * unit.size }) });
    const windows = [...new Set([...WINDOWS, ...(leaf.within ? [leaf.within] : [])])];
    const within = !NOT_BY_DAY.includes(leaf.stat) && h("select", { id: `${leaf.id}-within`, "aria-label": t("Time"), onchange: (event) => set({ within: event.target.value }) }, h("option", { value: "" }, t("in all")), windows.map((name) => h("option", { value: name, selected: name === leaf.within }, withinName(name))));
    leaf.fields = { stat: own || stat, gte, within };
    return h("p", { class: "row chip" }, stat, own, h("span", {}, t("at least")), gte, unit.name && h("span", {}, unit.name), within, parent.parts.length > 1 && this.#remove(leaf, parent, t("Remove this condition")));
  }

  #remove(part, parent, label) {
    const remove = () => {
      parent.parts.splice(parent.parts.indexOf(part), 1);
      this.#change(`${parent.id}-and`);
    };
    return h("button", { type: "button", class: "quiet remove", "aria-label": label, title: label, onclick: remove }, "×");
  }
}

function newLeaf() {
  return leafOf(FIRST);
}

function leafOf({ stat, gte, within = "" }) {
  return { id: freshId("stat"), stat, gte, within, isOwn: !STATS.includes(stat) };
}

function groupOf(condition) {
  const kind = condition.all ? "all" : "any";
  return { kind, parts: condition[kind].map((part) => (part.stat ? leafOf(part) : groupOf(part))) };
}

function valueOf(node) {
  if (!node.parts) return { stat: node.stat, ...(node.gte === null ? {} : { gte: node.gte }), ...(node.within ? { within: node.within } : {}) };
  const parts = node.parts.map(valueOf).filter((part) => part !== null);
  if (parts.length === 0) return null;
  return parts.length === 1 ? parts[0] : { [node.kind]: parts };
}

/** What a group of one stands for. */
function inner(node) {
  return node.parts?.length === 1 ? inner(node.parts[0]) : node;
}

const comparisons = (node) => (node.parts ? node.parts.reduce((sum, part) => sum + comparisons(part), 0) : 1);

/** Time in voice is entered in minutes where it is whole ones. */
function unitOf(leaf) {
  if (leaf.stat === "streak") return { size: 1, name: t("days") };
  if (leaf.stat !== "voice_seconds") return { size: 1, name: "" };
  return leaf.gte === null || leaf.gte % 60 === 0 || leaf.gte < 1 ? { size: 60, name: t("minutes") } : { size: 1, name: t("seconds") };
}
