/** One import: how far it is, what it would change or has changed, and which rows were refused. */

import { get } from "./api.js";
import { alertBox, h, heading, link, notify } from "./dom.js";
import { fileOf, send, statusName } from "./imports.js";
import { number, percent, rich, t, tn } from "./language.js";
import { personLink } from "./people.js";
import { guildHref } from "./router.js";
import { emptyState } from "./screen.js";
import { sourcesOf } from "./sources.js";

const POLL_MILLISECONDS = 700;

export async function importPage({ guild, may, route, again }) {
  const path = `/v1/imports/${route.import}`;
  const { body: item } = await get(path);
  const trouble = h("div", { id: "trouble" });
  const isRunning = item.finished_at === null;
  const source = sourcesOf(guild)[item.source]?.name ?? item.source;
  const node = h(
    "div",
    {},
    h("p", { class: "up" }, link(guildHref(guild.id, "imports"), t("← Import and export"), { id: "to-imports" })),
    heading(item.dry_run ? t("Preview of an import from {source}", { source }) : t("Import from {source}", { source })),
    isRunning ? progress(item, path, again) : [summary(item), item.dry_run && next(item, { guild, may, trouble }), trouble, !item.dry_run && after(item, guild), preview(item, guild), refused(item)],
  );
  return { title: t("Import"), concerns: (event) => event.type === "import.finished", holds: () => !isRunning, node };
}

/** Looks again by itself, and says it where screen readers hear it. */
function progress(item, path, again) {
  const bar = h("progress", { max: 1, value: item.progress, "aria-label": t("Progress") });
  const text = h("p", { role: "status" }, statusName(item));
  const look = async () => {
    if (!bar.isConnected) return;
    try {
      const { body } = await get(path);
      if (body.finished_at !== null) {
        await again();
        return;
      }
      bar.value = body.progress;
      text.textContent = statusName(body);
    } catch (error) {
      text.textContent = t("The state could not be loaded. {message}", { message: error.message });
    }
    setTimeout(look, POLL_MILLISECONDS);
  };
  setTimeout(look, POLL_MILLISECONDS);
  return h("div", { class: "card" }, bar, text, h("p", { class: "note" }, t("You can leave this page. Stay logged in until it is finished.")));
}

function summary(item) {
  const { imported, unchanged, refused: left } = item.counts;
  if (item.status === "failed") return alertBox(item.dry_run ? t("The preview failed.") : t("The import failed."), item.refused[0]?.message ?? t("Try again."));
  const said = item.dry_run
    ? [
        tn("{count} row would be taken", "{count} rows would be taken", imported),
        tn("{count} row would change nothing", "{count} rows would change nothing", unchanged),
        tn("{count} row would be refused", "{count} rows would be refused", left),
      ]
    : [
        tn("{count} row taken", "{count} rows taken", imported),
        tn("{count} row changed nothing", "{count} rows changed nothing", unchanged),
        tn("{count} row refused", "{count} rows refused", left),
      ];
  return h("p", { class: "lead", role: "status" }, `${said.join(", ")}.`);
}

/** The way from the preview to the import, with the same file. */
function next(item, { guild, may, trouble }) {
  if (item.status !== "finished" || !may.has("members:write")) return null;
  const chosen = fileOf(item.id);
  if (chosen === undefined) return h("p", {}, link(guildHref(guild.id, "imports"), t("Choose the file again to import it"), { id: "choose-again" }));
  if (item.counts.imported === 0) return h("p", { class: "note" }, t("There is nothing to import."));
  const run = async (event) => {
    const button = event.currentTarget;
    if (button.hasAttribute("aria-disabled")) return;
    button.setAttribute("aria-disabled", "true");
    trouble.replaceChildren();
    try {
      const { id } = await send(guild, chosen, false);
      location.assign(guildHref(guild.id, `imports/${id}`));
      notify(t("The import has started."));
    } catch (error) {
      trouble.replaceChildren(alertBox(t("The import did not start."), error.message));
      button.removeAttribute("aria-disabled");
    }
  };
  return h("p", {}, h("button", { type: "button", class: "button", id: "run-import", onclick: run }, tn("Import {count} row now", "Import {count} rows now", item.counts.imported)));
}

function after(item, guild) {
  if (item.status !== "finished") return null;
  return h("section", { class: "card" }, h("h2", {}, t("What to do next")), h("ul", {}, h("li", {}, link(guildHref(guild.id, "board"), t("Look at the leaderboard"), { id: "next-board" })), h("li", {}, link(guildHref(guild.id, "settings/leveling"), t("Choose the level curve and the level roles: levels follow at once"), { id: "next-leveling" })), h("li", {}, t("Turn leveling off in the other bot, so that members do not hear of each level twice."))));
}

function preview(item, guild) {
  if (!item.dry_run || item.status !== "finished") return null;
  if (item.preview.length === 0) return null;
  const change = (before, now) => (before === now ? number(now) : [h("del", {}, number(before)), " → ", h("ins", {}, number(now))]);
  const head = (text, attributes = {}) => h("th", { scope: "col", ...attributes }, text);
  const row = (member) => h("tr", {}, h("th", { scope: "row" }, personLink(guild, member)), h("td", { class: "number" }, change(member.xp_before, member.xp_after)), h("td", { class: "number" }, change(member.level_before, member.level_after)));
  return [
    h("h2", { id: "preview-title" }, t("Members, before and after")),
    item.counts.imported > item.preview.length && h("p", { class: "note" }, t("The first {count} of them.", { count: number(item.preview.length) })),
    h("div", { class: "scroll" }, h("table", { class: "board", "aria-labelledby": "preview-title" }, h("thead", {}, h("tr", {}, head(t("Member")), head(t("XP"), { class: "number" }), head(t("Level"), { class: "number" }))), h("tbody", {}, item.preview.map(row)))),
  ];
}

function refused(item) {
  if (item.refused.length === 0) return item.status === "finished" ? emptyState(t("No rows were refused.")) : null;
  const head = (text, attributes = {}) => h("th", { scope: "col", ...attributes }, text);
  const row = ({ row: place, pointer, message }) => h("tr", {}, h("td", { class: "number" }, place === 0 ? t("file") : number(place)), h("td", {}, h("code", {}, pointer || "/")), h("td", {}, message));
  return [
    h("h2", { id: "refused-title" }, t("Refused rows")),
    item.counts.refused > item.refused.length && h("p", { class: "note" }, t("The first {count} of {all} ({share}).", { count: number(item.refused.length), all: number(item.counts.refused), share: percent(item.refused.length / item.counts.refused) })),
    h("p", {}, h("button", { type: "button", class: "quiet", id: "refused-csv", onclick: () => download(item) }, t("Download them as CSV"))),
    h("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-labelledby": "refused-title" }, h("table", { class: "board" }, h("thead", {}, h("tr", {}, head(t("Row"), { class: "number" }), head(t("Place")), head(t("Why")))), h("tbody", {}, item.refused.map(row)))),
  ];
}

function download(item) {
  const cell = (value) => `"${String(value).replaceAll('"', '""')}"`;
  const rows = [["row", "place", "why"], ...item.refused.map(({ row, pointer, message }) => [row, pointer, message])];
  const file = new Blob([rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("")], { type: "text/csv" });
  const address = URL.createObjectURL(file);
  const anchor = h("a", { href: address, download: `refused-${item.id}.csv` });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
