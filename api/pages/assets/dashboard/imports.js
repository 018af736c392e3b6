/** Bringing members' standings from another bot: choose it, drop its file, see what would change. And the export. */

import { call, get, guildPath } from "./api.js";
import { alertBox, h, heading, link } from "./dom.js";
import { later, number, percent, t } from "./language.js";
import { guildHref } from "./router.js";
import { emptyState } from "./screen.js";
import { mediaTypeOf, sourcesOf } from "./sources.js";
import { moment } from "./words.js";

const LARGEST_FILE = 256 * 1024 * 1024;
const LISTED = 10;
const MODES = { set: t("Replace it with the file's"), max: t("Keep the larger of the two"), add: t("Add the file's to it") };

// The files of dry runs, by import, until this page is left: a browser gives a file once.
const files = new Map();

/** The file and options of a dry run in this window; undefined after a reload. */
export const fileOf = (importId) => files.get(importId);

/** Sends a file. Gives the import, which runs in the background. */
export async function send(guild, chosen, isDryRun) {
  const { source, file, mode, settings, type } = chosen;
  const query = { source, mode, dry_run: isDryRun ? "true" : null, settings: settings ? "true" : null };
  const { body } = await call("POST", guildPath(guild.id, "/imports"), { query, file, type });
  if (isDryRun) files.set(body.id, chosen);
  return body;
}

export async function importsPage({ guild, may }) {
  if (!may.has("members:write")) {
    return { title: t("Import and export"), node: h("div", {}, heading(t("Import and export")), emptyState(t("You may not import or export here. Ask somebody who manages this guild."))) };
  }
  const { body } = await get(guildPath(guild.id, "/imports"), { limit: LISTED });
  const form = new ImportForm({ guild, maySet: may.has("settings:write") });
  return {
    title: t("Import and export"),
    concerns: (event) => event.type === "import.finished",
    holds: () => form.isBegun,
    node: h(
      "div",
      {},
      heading(t("Import and export")),
      form.node,
      h("h2", {}, t("Imports so far")),
      body.items.length === 0 ? emptyState(t("No imports yet.")) : list(body.items, guild),
      h("h2", {}, t("Export")),
      h("p", {}, t("Everything about this guild in one file: settings, achievements, members and their activity. You can import it here or on another server.")),
      h("p", {}, h("a", { class: "button quiet", id: "export", href: guildPath(guild.id, "/export"), download: `guild-${guild.id}.ndjson` }, t("Download the export"))),
    ),
  };
}

class ImportForm {
  constructor({ guild, maySet }) {
    Object.assign(this, { guild, maySet, sources: sourcesOf(guild), source: null, file: null });
    this.trouble = h("div", { id: "trouble" });
    this.rest = h("div", {});
    const choice = (name, { name: text }) => h("label", { class: "choice" }, h("input", { type: "radio", name: "source", value: name, onchange: () => this.#choose(name) }), h("b", {}, text));
    const submit = (event) => {
      event.preventDefault();
      this.#preview();
    };
    this.node = h(
      "form",
      { class: "import", onsubmit: submit, "aria-labelledby": "heading" },
      h("fieldset", { class: "sources" }, h("legend", {}, t("1. Where do the members come from?")), Object.entries(this.sources).map(([name, source]) => choice(name, source))),
      this.rest,
      this.trouble,
    );
  }

  get isBegun() {
    return this.source !== null;
  }

  #choose(name) {
    this.source = name;
    this.file = null;
    const source = this.sources[name];
    this.chosen = h("p", { id: "chosen-file", role: "status" }, t("No file chosen."));
    this.input = h("input", { type: "file", id: "file", accept: source.accept, onchange: () => this.#take(this.input.files[0]) });
    this.mode = h("select", { id: "mode" }, Object.entries(MODES).map(([value, text]) => h("option", { value }, text)));
    this.settings = h("input", { type: "checkbox", id: "take-settings" });
    this.button = h("button", { type: "submit", class: "button", id: "preview" }, t("Show what would change"));
    this.rest.replaceChildren(
      h("section", { class: "card" }, h("h2", {}, t("How to get the file from {name}", { name: source.name })), h("ol", {}, source.steps.map((step) => h("li", {}, step)))),
      this.#dropZone(),
      h(
        "section",
        { class: "card" },
        h("h2", {}, t("3. How")),
        !source.hasNoMode && h("p", { class: "field" }, h("label", { for: "mode" }, t("XP that members have here already")), this.mode),
        source.hasSettings && this.maySet && h("label", { class: "check" }, this.settings, t("Also take over its level roles, XP rates and level curve")),
        h("p", { class: "note" }, t("First you see what would change. Nothing is changed by that.")),
        h("p", {}, this.button),
      ),
    );
  }

  #dropZone() {
    const zone = h("section", { class: "card drop" }, h("h2", {}, t("2. The file")), h("p", { class: "field" }, h("label", { for: "file" }, t("Choose a file, or drop it here")), this.input), this.chosen);
    const over = (isOver) => (event) => {
      event.preventDefault();
      zone.classList.toggle("over", isOver);
    };
    zone.addEventListener("dragover", over(true));
    zone.addEventListener("dragleave", over(false));
    zone.addEventListener("drop", (event) => {
      over(false)(event);
      this.#take(event.dataTransfer.files[0]);
    });
    return zone;
  }

  #take(file) {
    if (!file) return;
    this.trouble.replaceChildren();
    if (file.size > LARGEST_FILE) {
      this.trouble.replaceChildren(alertBox(t("This file is too large."), t("A file may have 256 MiB. Split it, and import one part after the other.")));
      return;
    }
    this.file = file;
    this.chosen.textContent = `${file.name}, ${sizeName(file.size)}`;
  }

  async #preview() {
    this.trouble.replaceChildren();
    if (this.source === null || this.button.hasAttribute("aria-disabled")) return;
    if (this.file === null) {
      this.trouble.replaceChildren(alertBox(t("There is no file yet."), t("Choose one first.")));
      this.input.focus();
      return;
    }
    this.button.setAttribute("aria-disabled", "true");
    this.button.textContent = t("Sending the file…");
    const source = this.sources[this.source];
    const chosen = { source: this.source, file: this.file, type: mediaTypeOf(source, this.file), mode: source.hasNoMode ? null : this.mode.value, settings: this.settings.checked };
    try {
      const { id } = await send(this.guild, chosen, true);
      this.source = null;
      location.assign(guildHref(this.guild.id, `imports/${id}`));
    } catch (error) {
      const text = error.status === 409 ? t("Another import is running. Wait until it is finished: it is in the list below.") : error.message;
      this.trouble.replaceChildren(alertBox(t("The file was not accepted."), text));
      this.button.removeAttribute("aria-disabled");
      this.button.textContent = t("Show what would change");
    }
  }
}

function sizeName(bytes) {
  if (bytes < 1024) return t("{bytes} bytes", { bytes: number(bytes) });
  return bytes < 1024 ** 2 ? t("{bytes} KiB", { bytes: number(Math.round(bytes / 1024)) }) : t("{bytes} MiB", { bytes: number(Math.round(bytes / 1024 ** 2)) });
}

const PREVIEW_STATES = { queued: later("Preview is waiting"), running: later("Preview is running: {progress}"), finished: later("Preview finished"), failed: later("Preview failed") };
const IMPORT_STATES = { queued: later("Import is waiting"), running: later("Import is running: {progress}"), finished: later("Import finished"), failed: later("Import failed") };

export function statusName(item) {
  const texts = item.dry_run ? PREVIEW_STATES : IMPORT_STATES;
  return t(texts[item.status], { progress: percent(item.progress) });
}

function list(items, guild) {
  const sources = sourcesOf(guild);
  const head = (text, attributes = {}) => h("th", { scope: "col", ...attributes }, text);
  const row = (item) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, link(guildHref(guild.id, `imports/${item.id}`), moment(item.created_at), { id: `import-${item.id}` })),
      h("td", {}, sources[item.source]?.name ?? item.source),
      h("td", {}, statusName(item)),
      h("td", { class: "number wide" }, number(item.counts.imported)),
      h("td", { class: "number wide" }, number(item.counts.refused)),
    );
  return h("div", { class: "scroll" }, h("table", { class: "board", "aria-label": t("Imports so far") }, h("thead", {}, h("tr", {}, head(t("When")), head(t("From")), head(t("State")), head(t("Changed"), { class: "number wide" }), head(t("Refused"), { class: "number wide" }))), h("tbody", {}, items.map(row))));
}
