/** What stands around the pages: who is logged in, the guild, and the ways to its pages. */

import { h, link, svg } from "./dom.js";
import { t } from "./language.js";
import { guildHref } from "./router.js";

// Each: its address, its name, the pages that belong to it, the lines of its symbol on a field of 24, and the scope that
// a person needs for it.
const PLACES = [
  ["overview", t("Overview"), ["overview"], "M4 4h7v9H4zM13 4h7v5h-7zM13 11h7v9h-7zM4 15h7v5H4z"],
  ["board", t("Leaderboard"), ["board"], "M5 21V10h4v11M10 21V4h4v17M15 21v-8h4v8"],
  ["members", t("Members"), ["members", "member"], "M9 12a4 4 0 100-8 4 4 0 000 8zM2 21c0-4 3-6 7-6s7 2 7 6M16 4a4 4 0 010 8M18 15c3 .7 4 3 4 6"],
  ["achievements", t("Achievements"), ["achievements", "achievement"], "M12 3l2.7 5.8 6.3.7-4.7 4.3 1.3 6.2-5.6-3.1L6.4 20l1.3-6.2L3 9.5l6.3-.7z"],
  ["settings", t("Settings"), ["settings", "history"], "M4 7h9M17 7h3M4 17h3M11 17h9M13 5v4M7 15v4"],
  ["imports", t("Import/export"), ["imports", "import"], "M7 4v14M4 15l3 3 3-3M17 20V6M14 9l3-3 3 3", "members:write"],
  ["webhooks", t("Webhooks"), ["webhooks", "webhook"], "M13 3L5 14h6l-1 7 8-11h-6z", "webhooks:write"],
  ["audit", t("Audit log"), ["audit"], "M6 3h12v18H6zM9 8h6M9 12h6M9 16h3", "audit:read"],
  ["keys", t("Keys"), ["keys"], "M8 18a4 4 0 100-8 4 4 0 000 8zM11 11l8-8M15 7l3 3", "keys:manage"],
];
const IN_THE_BAR = 4; // on a phone, beside "More"

const places = Object.fromEntries(["where", "who", "tabs"].map((id) => [id, document.getElementById(id)]));

/** `guild`: the one that is shown, or null. `may`: the person's scopes there. `leave`: logs out. */
export function frame({ me, guild, may, route, leave }) {
  document.getElementById("find").hidden = me === null;
  places.where.replaceChildren(...(guild === null ? [] : [link("#/", guild.name, { id: "other-guilds", title: t("Your guilds") })]));
  document.body.classList.toggle("in-guild", guild !== null);
  places.tabs.hidden = guild === null;
  if (guild !== null) places.tabs.replaceChildren(...ways(guild, may, route));
  const isHere = document.activeElement?.id === "log-out";
  const name = me?.display_name ?? me?.username;
  places.who.replaceChildren(...(me === null ? [] : [link("#/sessions", name, { class: "me", id: "me", title: t("Your sessions") }), h("button", { type: "button", class: "quiet", id: "log-out", onclick: leave }, t("Log out"))]));
  if (isHere) document.getElementById("log-out")?.focus();
}

/** The pages that a person may see. */
export const placesFor = (may) => PLACES.filter((place) => place[4] === undefined || may.has(place[4]));

function ways(guild, may, route) {
  const items = placesFor(may).map(([path, name, pages, lines]) =>
    h("li", {}, link(guildHref(guild.id, path), [symbol(lines), h("span", {}, name)], { id: `tab-${path}`, "aria-current": pages.includes(route.name) ? "page" : null })),
  );
  const few = items.length <= IN_THE_BAR;
  const first = h("ul", {}, few ? items : items.slice(0, IN_THE_BAR));
  return few ? [first] : [first, ...rest(items.slice(IN_THE_BAR))];
}

/** On a phone, a button opens what does not fit; elsewhere the list goes on. */
function rest(items) {
  const list = h("ul", { class: "rest", id: "more-pages" }, items);
  const isHere = items.some((item) => item.querySelector("[aria-current]"));
  const button = h("button", { type: "button", class: isHere ? "more here" : "more", id: "more", "aria-expanded": "false", "aria-controls": "more-pages" }, symbol("M5 12h.01M12 12h.01M19 12h.01"), h("span", {}, t("More")));
  const show = (isOpen) => {
    button.setAttribute("aria-expanded", String(isOpen));
    list.classList.toggle("open", isOpen);
  };
  button.addEventListener("click", () => show(button.getAttribute("aria-expanded") !== "true"));
  list.addEventListener("click", () => show(false));
  places.tabs.onkeydown = (event) => {
    if (event.key !== "Escape" || button.getAttribute("aria-expanded") !== "true") return;
    show(false);
    button.focus();
  };
  return [button, list];
}

function symbol(lines) {
  return svg("svg", { viewBox: "0 0 24 24", class: "symbol", "aria-hidden": "true" }, svg("path", { d: lines }));
}
