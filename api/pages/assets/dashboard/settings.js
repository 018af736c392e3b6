/** The settings of a guild, a module at a time, in a form drawn from the module's schema. */

import { Problem, all, call, get, guildPath } from "./api.js";
import { AnnouncementPreview } from "./announcement.js";
import { resolveConflict } from "./conflict.js";
import { copySettings } from "./copy.js";
import { CurvePreview } from "./curve.js";
import { alertBox, h, heading, link, notify } from "./dom.js";
import { SettingsForm } from "./form.js";
import { LANGUAGE, rich, t, tn } from "./language.js";
import { LOGIN } from "./login.js";
import { moduleName, referencesOf } from "./references.js";
import { guildHref } from "./router.js";
import { titleOf } from "./schema.js";
import { moment } from "./words.js";

export async function settingsPage({ me, guild, may, route, again }) {
  const modules = (await all("/v1/modules")).toSorted((a, b) => moduleName(a).localeCompare(moduleName(b), LANGUAGE));
  const module = modules.find((each) => each.module === (route.module ?? "leveling"));
  if (module === undefined) throw new Problem(404, null);
  const path = guildPath(guild.id, `/settings/${module.module}`);
  const { body: settings, etag } = await get(path);
  const page = new SettingsPage({ me, guild, may, module, path, settings, etag, again, ...(await referencesOf(guild, settings.stale_references)) });
  if (route.query.find) page.form.find(route.query.find);
  return {
    title: t("{module} – settings of {name}", { module: moduleName(module), name: guild.name }),
    node: h("div", { class: "with-side" }, sideList(guild, modules, module, page.form), page.node),
    concerns: (event) => (event.type === "settings.updated" || event.type === "module.updated") && event.module === module.module,
    holds: (event) => page.heard(event),
    unsaved: () => page.form.changed.length > 0,
  };
}

/** The modules, and the sections of the one that is shown. */
function sideList(guild, modules, chosen, form) {
  const jump = (section) => h("li", {}, h("button", { type: "button", onclick: () => section.node.scrollIntoView({ block: "start" }) }, section.title));
  const sections = form.sections.filter((section) => section.title);
  return h(
    "nav",
    { class: "side-list", "aria-label": t("Modules") },
    h("ul", {}, modules.map((module) =>
      h("li", {}, link(guildHref(guild.id, `settings/${module.module}`), moduleName(module), { id: `module-${module.module}`, "aria-current": module === chosen ? "page" : null }), module === chosen && sections.length > 1 && h("ul", { class: "jumps", "aria-label": t("Sections") }, sections.map(jump))),
    )),
  );
}

class SettingsPage {
  constructor({ me, guild, may, module, path, settings, etag, again, choices, names }) {
    Object.assign(this, { me, guild, may, module, path, settings, etag, again, names, newest: settings.revision });
    this.trouble = h("div", { id: "trouble" });
    this.count = h("p", { class: "count", id: "count", role: "status" });
    this.reason = h("input", { id: "reason", maxlength: "512", autocomplete: "off", placeholder: t("Why (optional)") });
    this.save = h("button", { type: "submit", class: "button", id: "save" }, t("Save"));
    this.undo = h("button", { type: "button", class: "quiet", id: "undo", onclick: () => again() }, t("Undo all"));
    this.form = new SettingsForm({ module, settings, choices, names, changed: () => this.counted() });
    this.previews = this.preview();
    this.state = h("span", {});
    this.stale = h("div", {});
    this.node = this.draw();
    new ResizeObserver(() => this.measured()).observe(this.bar);
    this.shown();
  }

  /** What some values mean, beside them: how levels rise, what an announcement looks like. */
  preview() {
    const { me, guild, names, form } = this;
    const value = (name) => form.fields.get(name).value;
    const made = [];
    const add = (name, preview) => {
      form.fields.get(name).slot.append(preview.node);
      made.push(preview);
    };
    if (!this.module.built_in) return made;
    if (form.fields.has("curve")) add("curve", new CurvePreview({ guild, read: () => ({ curve: value("curve"), max_level: value("max_level") }) }));
    if (form.fields.has("announce")) add("announce", new AnnouncementPreview({ guild, me, names, read: () => value("announce") }));
    return made;
  }

  draw() {
    const { module } = this;
    const submit = (event) => {
      event.preventDefault();
      // Enter within a small dialog of the form is none for the form.
      if (document.activeElement?.closest("dialog")) return;
      if (!this.save.hasAttribute("aria-disabled")) this.send(this.form.patch, this.etag);
    };
    return h(
      "div",
      {},
      heading(moduleName(module)),
      module.description && h("p", { class: "lead" }, t(module.description)),
      h("p", { class: "note" }, this.state, " ", link(guildHref(this.guild.id, `settings/${module.module}/history`), t("History"), { id: "to-history" }), this.may.has("settings:write") && [" · ", this.copyButton()]),
      this.form.search,
      this.stale,
      h(
        "form",
        { novalidate: true, onsubmit: submit, oninput: () => this.bar.removeAttribute("data-changes"), "aria-labelledby": "heading" },
        this.form.node,
        (this.bar = h("div", { class: "save-bar" }, this.trouble, h("div", {}, this.count, h("label", { class: "unseen", for: "reason" }, t("Why (optional)")), this.reason, this.undo, this.save))),
      ),
    );
  }

  copyButton() {
    const copy = () => copySettings(this).catch((error) => notify(error.message));
    return h("button", { type: "button", class: "as-link", id: "copy-settings", onclick: copy }, t("Copy to another guild"));
  }

  /** Says how much of the page the bar hides, so that nothing that has the focus is under it. */
  measured() {
    document.documentElement.style.setProperty("--save-bar", `${this.bar.offsetHeight}px`);
  }

  /** What is said of the settings as a whole. */
  shown() {
    const { revision, updated_at: at, stale_references: stale } = this.settings;
    this.state.textContent = revision === 0 ? t("Nothing was changed yet: all defaults.") : t("Revision {revision}, of {at}.", { revision, at: moment(at) });
    this.stale.replaceChildren(...(stale.length > 0 ? [this.staleNote()] : []));
    this.counted();
  }

  staleNote() {
    const items = this.settings.stale_references.map(({ pointer, kind, id }) => h("li", {}, `${titleOf(this.module.schema, pointer.split("/")[1])}: ${kind === "role" ? t("the role {id}", { id }) : t("the channel {id}", { id })}`));
    return h("div", { class: "notice" }, h("p", {}, h("strong", {}, t("No longer at Discord, or not yet sent by the bot:"))), h("ul", {}, items));
  }

  counted() {
    for (const preview of this.previews) preview.changed();
    const count = this.form.changed.length;
    this.count.textContent = count === 0 ? t("No changes") : tn("{count} change not saved", "{count} changes not saved", count);
    this.undo.disabled = count === 0;
    this.bar.dataset.changes = count;
  }

  async send(patch, etag) {
    if (Object.keys(patch).length === 0) {
      notify(t("There is nothing to save."));
      return;
    }
    const errors = this.form.gaps;
    if (errors.length > 0) {
      this.refused({ errors });
      return;
    }
    // Not `disabled`, which would take the focus away from who pressed it.
    this.save.setAttribute("aria-disabled", "true");
    this.trouble.replaceChildren();
    const { sent } = this.form;
    const reason = this.reason.value;
    try {
      const answer = await call("PATCH", this.path, { body: patch, ifMatch: etag, reason: reason.trim() });
      this.settings = answer.body;
      this.etag = answer.etag;
      // The form stays: somebody may be typing in it.
      this.form.adopt(answer.body, sent);
      if (this.reason.value === reason) this.reason.value = "";
      this.shown();
      if (this.newest > this.settings.revision) this.notice();
      notify(t("Saved, as revision {revision}.", { revision: answer.body.revision }));
    } catch (error) {
      if (error.status === 412) await this.conflict(patch);
      else this.refused(error);
    } finally {
      this.save.removeAttribute("aria-disabled");
    }
  }

  refused(error) {
    if (error.status === 401) {
      const again = h("a", { href: LOGIN, target: "_blank", rel: "noopener" }, t("Log in in another tab"));
      this.trouble.replaceChildren(alertBox(t("Not saved."), t("You are logged out. Your changes are still here."), h("p", {}, rich("{login}, then save once more.", { login: again }))));
      return;
    }
    const left = this.form.showFaults(error.errors);
    const placed = error.errors.length - left.length;
    const detail = placed > 0 ? tn("{count} value needs another look: see above.", "{count} values need another look: see above.", placed) : error.message;
    const rest = left.filter((fault) => fault.message).map((fault) => h("li", {}, `${fault.pointer ?? fault.parameter ?? ""} ${fault.message}`));
    this.trouble.replaceChildren(alertBox(t("Not saved."), detail, rest.length > 0 && h("ul", {}, rest)));
    this.measured();
    if (placed > 0) document.activeElement?.scrollIntoView({ block: "nearest" });
  }

  /** Somebody saved first: show both, let the person choose, and save what they chose on top of the newest. */
  async conflict(patch) {
    const { body: theirs, etag } = await get(this.path);
    const chosen = await resolveConflict({ module: this.module, before: this.settings, theirs, fields: this.form.changed, names: this.names });
    if (chosen === null) {
      this.trouble.replaceChildren(alertBox(t("Not saved."), t("Somebody else changed these settings meanwhile. Save again to compare.")));
      this.save.focus();
      return;
    }
    const mine = Object.fromEntries(Object.entries(patch).filter(([name]) => chosen.has(name)));
    if (Object.keys(mine).length === 0) {
      await this.again();
      notify(t("Their version is kept. Your changes are discarded."));
      return;
    }
    await this.send(mine, etag);
  }

  /** Whether an event is to be let pass: of one's own change, or while there are changes that must not be lost. */
  heard(event) {
    if (event.type === "settings.updated" && event.revision <= this.settings.revision) return true;
    this.newest = Math.max(this.newest, event.revision ?? 0);
    // What is being saved now may be what the event is of.
    if (this.save.hasAttribute("aria-disabled")) return true;
    if (this.form.changed.length === 0) return false;
    if (event.type !== "reopened") this.notice();
    return true;
  }

  notice() {
    this.trouble.replaceChildren(h("p", { class: "notice", role: "status" }, t("Somebody else has just changed these settings. When you save, you can compare.")));
  }
}
