/** The form of a module: each property's field is drawn by the library from its schema, and framed here. */

/* global Jedison */

import { freshId, h } from "./dom.js";
import { FORM_TEXTS } from "./form_texts.js";
import { t } from "./language.js";
import { equal, patchOf } from "./merging.js";
import { drawable, escaped, groupsOf, isWhole, titleOf } from "./schema.js";
import { humanized, inWords } from "./words.js";

const OPTIONS = {
  language: "page",
  translations: { page: FORM_TEXTS },
  showErrors: "change",
  purifyHtml: false, // the texts are escaped: see schema.js
  arrayDeleteConfirm: false,
  enforceMinItems: false,
  objectAdd: true,
  enforceEnum: true,
  enforceConst: true,
};

const SEARCHED = 13; // choices; fewer are in sight at once

// The library takes the name of a member that has no title as HTML.
const titleOfEditor = Jedison.Editor.prototype.getTitle;
Jedison.Editor.prototype.getTitle = function getTitle() {
  return this.instance.schema["x-entry"] ? escaped(this.instance.getKey()) : titleOfEditor.call(this);
};

/** The library's plain theme, with names for what it leaves nameless. */
class Theme extends Jedison.Theme {
  getArrayItem(config = {}) {
    const item = super.getArrayItem(config);
    item.container.setAttribute("role", "group");
    item.container.setAttribute("aria-label", t("Item {number}", { number: (config.index ?? 0) + 1 }));
    return item;
  }
}

/** One of several forms. Its switch bears the value's own title and description. */
class Union extends Jedison.EditorMultiple {
  static resolves(schema) {
    return Array.isArray(schema.anyOf);
  }

  build() {
    super.build();
    const { label, labelText } = this.control.switcher;
    labelText.innerHTML = this.getTitle();
    label.removeAttribute("style");
    label.after(this.theme.getDescription({ content: this.getDescription() ?? "" }));
  }
}

/** A number, as it is typed: what is no number, or not a whole one, is not made into another. */
class NumberField extends Jedison.EditorNumberInput {
  static resolves(schema) {
    return ["number", "integer"].includes(schema.type) && !schema.enum;
  }

  sanitize(text) {
    return text.trim() === "" ? null : Number(text);
  }

  refreshUI() {
    super.refreshUI();
    if (this.instance.getValue() === null) this.control.input.value = "";
  }
}

/** A choice, or none. */
class NullableSelect extends Jedison.EditorStringSelect {
  static resolves(schema) {
    return schema["x-format"] === "select-nullable";
  }

  getEnumSourceValues() {
    return super.getEnumSourceValues().map((value) => value ?? "");
  }

  addEventListeners() {
    this.control.input.addEventListener("change", () => this.instance.setValue(this.control.input.value || null, true, "user"));
  }

  refreshUI() {
    this.refreshDisabledState();
    this.control.input.value = this.instance.getValue() ?? "";
  }
}

/** A text; empty is none. */
class NullableText extends Jedison.EditorStringInput {
  static resolves(schema) {
    return schema["x-format"] === "text-nullable";
  }

  addEventListeners() {
    this.control.input.addEventListener("change", () => this.instance.setValue(this.control.input.value || null, true, "user"));
  }

  refreshUI() {
    super.refreshUI();
    this.control.input.value = this.instance.getValue() ?? "";
  }
}

/** One property. `toDefault`: what was overridden shall be so no longer. */
class Field {
  constructor({ name, module, settings, choices, names, changed }) {
    this.name = name;
    this.title = titleOf(module.schema, name);
    this.original = settings.values[name];
    this.fallback = module.defaults[name];
    this.overridden = settings.overridden.includes(name);
    this.toDefault = false;
    this.isWhole = isWhole(module.schema, name);
    this.slot = h("div", { class: "slot" });
    this.badge = h("span", { class: "state" });
    this.reset = h("button", { type: "button", class: "quiet", onclick: () => this.useDefault() }, t("Use the default"));
    this.reset.setAttribute("aria-label", t("Use the default of {title}", { title: this.title }));
    this.reset.title = t("The default: {value}", { value: inWords(this.fallback, names) });
    this.node = h("div", { class: "property", "data-property": name }, this.slot, h("div", { class: "side" }, this.badge, this.reset));
    this.changed = changed;
    this.editor = new Jedison.Create({
      ...OPTIONS,
      container: this.slot,
      theme: new Theme(),
      customEditors: [NumberField, NullableSelect, NullableText, Union],
      id: `field-${name}`,
      schema: drawable(module.schema, name, choices),
      data: structuredClone(this.original),
    });
    this.editor.hiddenInput.remove();
    for (const list of this.slot.querySelectorAll(".jedi-editor-radio-fieldset:has(> div > [type=checkbox])")) arrange(list, this.title);
    // The library may write the same value in another way; a change is what differs from this.
    this.drawn = this.editor.getValue();
    this.editor.on("change", () => this.noticed());
    this.editor.on("jedison:remove", ({ path }) => this.remove(path));
    this.editor.on("item-delete", () => this.slot.querySelector(".jedi-array-add")?.focus());
    this.show();
  }

  get value() {
    return this.toDefault ? this.fallback : this.editor.getValue();
  }

  get isChanged() {
    return this.toDefault ? this.overridden : !equal(this.editor.getValue(), this.drawn);
  }

  /** Its member of the merge patch. */
  get patch() {
    return this.toDefault ? null : patchOf(this.original, this.editor.getValue(), this.isWhole);
  }

  set(value) {
    this.toDefault = false;
    this.editor.setValue(structuredClone(value));
    this.show();
  }

  /** The newest settings, after a save. `sent`: the value that was saved; what was changed since stays, not saved yet. */
  adopt(settings, sent) {
    const isSaved = sent === undefined ? !this.isChanged : this.toDefault === sent.toDefault && equal(this.editor.getValue(), sent.value);
    this.original = settings.values[this.name];
    this.overridden = settings.overridden.includes(this.name);
    if (isSaved) {
      this.toDefault = false;
      // Else the library would write over what is being typed just now.
      if (!equal(this.editor.getValue(), this.original)) this.editor.setValue(structuredClone(this.original));
      this.drawn = this.editor.getValue();
    } else {
      this.drawn = this.original;
    }
    this.showFaults([]);
    this.show();
  }

  useDefault() {
    this.editor.setValue(structuredClone(this.fallback));
    this.toDefault = true;
    this.show();
    this.focus();
    this.changed();
  }

  /** Takes a member away whose name was a person's choice. */
  remove(path) {
    const owner = this.editor.getInstance(path.slice(0, path.lastIndexOf("/")));
    const { [path.slice(path.lastIndexOf("/") + 1)]: _, ...rest } = owner.getValue();
    owner.setValue(rest, true, "user");
    this.focus();
  }

  noticed() {
    this.toDefault = false;
    this.show();
    this.changed();
  }

  show() {
    const state = this.isChanged ? "unsaved" : this.overridden ? "set" : "default";
    this.node.dataset.state = state;
    this.badge.textContent = { unsaved: this.toDefault ? t("Default, not saved") : t("Not saved"), set: t("Set here"), default: t("Default") }[state];
    this.reset.hidden = this.toDefault || (!this.overridden && !this.isChanged);
  }

  /** What has no value yet, or half a number: `[{pointer, message}]`, pointers in the settings. */
  get gaps() {
    if (!this.isChanged || this.toDefault) return [];
    const isGap = ({ constraint, path }) => constraint === "type" && this.editor.getInstance(path)?.ui instanceof NumberField;
    return this.editor.getErrors().filter(isGap).map(({ path }) => {
      const message = this.editor.getInstance(path).getValue() === null ? t("needs a number") : t("must be a whole number");
      return { pointer: `/${this.name.replaceAll("~", "~0").replaceAll("/", "~1")}${path.slice(1)}`, message };
    });
  }

  /** `faults`: `[{pointer, message}]`, pointers within the property. Each is shown at the nearest field there is. */
  showFaults(faults) {
    this.node.classList.toggle("faulty", faults.length > 0);
    const errors = faults.map(({ pointer, message }) => ({ type: "error", path: this.nearest(`#${pointer}`), constraint: "server", messages: [message] }));
    this.editor.showValidationErrors(errors);
  }

  nearest(path) {
    const known = this.editor.instances;
    let found = path;
    while (!known.has(found) && found.includes("/")) found = found.slice(0, found.lastIndexOf("/"));
    return found;
  }

  focus(faulty = false) {
    const fields = "input:not([type=hidden]), select, textarea, button";
    const target = (faulty && this.slot.querySelector("[aria-invalid=true]")) || this.slot.querySelector(fields);
    target?.focus();
  }
}

/** A list to tick in: its help comes first, and of many choices some can be searched for. What is ticked stays in sight. */
function arrange(list, title) {
  const options = [...list.querySelectorAll(":scope > div:has(> [type=checkbox])")];
  const choices = h("div", { class: "tick-list" });
  options[0].before(choices);
  choices.append(...options);
  const help = list.querySelector(":scope > .jedi-description");
  if (help) choices.before(help);
  if (options.length < SEARCHED) return;
  const search = h("input", { type: "search", placeholder: t("Search"), "aria-label": t("Search in {title}", { title }), autocomplete: "off" });
  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLocaleLowerCase();
    for (const option of options) option.hidden = !option.textContent.toLocaleLowerCase().includes(wanted) && !option.firstElementChild.checked;
  });
  // What is typed here is no value: neither the library nor the page is to take it for one.
  search.addEventListener("change", (event) => event.stopPropagation());
  choices.before(search);
}

export class SettingsForm {
  /** `changed()` is called after each change by hand. */
  constructor({ module, settings, choices, names, changed }) {
    this.fields = new Map();
    this.sections = groupsOf(module.schema).map(({ group, names: properties }) => {
      const fields = properties.map((name) => this.draw({ name, module, settings, choices, names, changed }));
      const id = freshId("group");
      const title = group && humanized(group);
      return { title, node: h("section", { class: "group", "aria-labelledby": group ? id : null }, title && h("h2", { id }, title), fields) };
    });
    this.none = h("p", { class: "empty", hidden: true }, t("No setting with this word."));
    this.node = h("div", { class: module.built_in ? "form own" : "form" }, this.sections.map((section) => section.node), this.none);
    this.search = h("input", { type: "search", class: "find-setting", id: "find-setting", placeholder: t("Find a setting"), "aria-label": t("Find a setting"), autocomplete: "off", oninput: () => this.find(this.search.value) });
  }

  /** Shows only settings with the text in their name or help. Changed ones stay in sight. */
  find(text) {
    if (this.search.value !== text) this.search.value = text;
    const wanted = text.trim().toLocaleLowerCase();
    let count = 0;
    for (const { node } of this.sections) {
      for (const property of node.querySelectorAll(".property")) {
        property.hidden = property.dataset.state !== "unsaved" && !property.textContent.toLocaleLowerCase().includes(wanted);
      }
      node.hidden = node.querySelectorAll(".property:not([hidden])").length === 0;
      count += Number(!node.hidden);
    }
    this.none.hidden = count > 0;
  }

  /** A property's field. One that cannot be drawn is shown as it is, and the others can still be changed. */
  draw(given) {
    try {
      const field = new Field(given);
      this.fields.set(given.name, field);
      return field.node;
    } catch (error) {
      console.warn(error);
      const value = JSON.stringify(given.settings.values[given.name], null, 2);
      return h("div", { class: "property" }, h("div", {}, h("p", { class: "jedi-title" }, titleOf(given.module.schema, given.name)), h("p", { class: "note" }, t("This page cannot draw a field for it. It can be set by the API.")), h("pre", {}, value)));
    }
  }

  get changed() {
    return [...this.fields.values()].filter((field) => field.isChanged);
  }

  get patch() {
    return Object.fromEntries(this.changed.map((field) => [field.name, field.patch]));
  }

  get gaps() {
    return this.changed.flatMap((field) => field.gaps);
  }

  /** What is about to be saved, by name: for `adopt`. */
  get sent() {
    return new Map(this.changed.map((field) => [field.name, { value: structuredClone(field.editor.getValue()), toDefault: field.toDefault }]));
  }

  /** The newest settings, after what was `sent` is saved. */
  adopt(settings, sent) {
    for (const [name, field] of this.fields) field.adopt(settings, sent.get(name));
  }

  /** Puts every fault at its field, and the focus on the first. Gives back those of no field here. */
  showFaults(faults) {
    const left = [];
    const byField = new Map();
    for (const fault of faults) {
      const [, first = "", rest = ""] = /^\/([^/]*)(.*)$/.exec(fault.pointer ?? "") ?? [];
      const name = first.replaceAll("~1", "/").replaceAll("~0", "~");
      if (this.fields.has(name)) byField.set(name, [...(byField.get(name) ?? []), { pointer: rest, message: fault.message }]);
      else left.push(fault);
    }
    for (const [name, field] of this.fields) field.showFaults(byField.get(name) ?? []);
    const first = [...this.fields.values()].find((field) => byField.has(field.name));
    first?.focus(true);
    return left;
  }
}
