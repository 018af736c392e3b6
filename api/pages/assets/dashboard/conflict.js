/** Two people changed the same settings: both versions side by side, and a choice for each value or for all. */

import { freshId, h } from "./dom.js";
import { t } from "./language.js";
import { equal, unlike } from "./merging.js";
import { titleOf } from "./schema.js";
import { inWords } from "./words.js";

/**
 * Asks. Gives the set of names whose own values are to be saved over the newest revision, or null to go on editing.
 * `before`: what the person started from; `theirs`: what is there now; `fields`: what they changed.
 */
export function resolveConflict({ module, before, theirs, fields, names }) {
  const rows = fields.map((field) => new Row({ field, before, theirs, names }));
  const others = Object.keys(theirs.values).filter(
    (name) => !fields.some((field) => field.name === name) && !equal(before.values[name], theirs.values[name]),
  );
  return new Promise((resolve) => {
    const close = (answer) => {
      dialog.close();
      dialog.remove();
      resolve(answer);
    };
    const choose = (mine) => rows.forEach((row) => row.choose(mine));
    const dialog = h(
      "dialog",
      { class: "conflict", "aria-labelledby": "conflict-title", oncancel: (event) => (event.preventDefault(), close(null)) },
      h("h2", { id: "conflict-title" }, t("Somebody else saved first")),
      h("p", {}, t("Revision {theirs} is there now; you began with revision {yours}. Pick which version to keep.", { theirs: theirs.revision, yours: before.revision })),
      h("div", { class: "pages" }, h("button", { type: "button", class: "quiet", id: "all-mine", onclick: () => choose(true) }, t("All mine")), h("button", { type: "button", class: "quiet", id: "all-theirs", onclick: () => choose(false) }, t("All theirs"))),
      rows.map((row) => row.node),
      others.length > 0 && h("div", { class: "notice" }, h("p", {}, t("They also changed, and it stays so:")), h("ul", {}, others.map((name) => h("li", {}, `${titleOf(module.schema, name)}: ${inWords(before.values[name], names)} → ${inWords(theirs.values[name], names)}`)))),
      h(
        "div",
        { class: "pages end" },
        h("button", { type: "button", class: "quiet", id: "keep-editing", onclick: () => close(null) }, t("Go on editing")),
        h("button", { type: "button", class: "button", id: "save-chosen", onclick: () => close(new Set(rows.filter((row) => row.isMine).map((row) => row.name))) }, t("Save what I chose")),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** One value that the person changed. */
class Row {
  constructor({ field, before, theirs, names }) {
    const group = freshId("choice");
    const radio = () => h("input", { type: "radio", name: group });
    this.name = field.name;
    this.mine = radio();
    this.others = radio();
    const [mine, others] = unlike(field.value, theirs.values[field.name], before.values[field.name]);
    const isTheirs = !equal(before.values[field.name], theirs.values[field.name]);
    this.choose(true);
    const option = (input, who, value, note) =>
      h("label", { class: "choice" }, input, h("span", {}, h("b", {}, who), h("span", { class: "value" }, inWords(value, names)), note && h("span", { class: "note" }, note)));
    this.node = h(
      "fieldset",
      {},
      h("legend", {}, field.title, isTheirs && h("span", { class: "tag" }, t("both changed it"))),
      option(this.mine, t("Mine"), mine, field.toDefault && t("the default")),
      option(this.others, t("Theirs"), others, !isTheirs && t("as it was")),
    );
  }

  get isMine() {
    return this.mine.checked;
  }

  choose(mine) {
    this.mine.checked = mine;
    this.others.checked = !mine;
  }
}
