/** The frame around the pages: who is logged in, which guild, which page, and what happens meanwhile. */

import { Problem, get, guildPath, logOut, onLoggedOut, whoAmI } from "./api.js";
import { alertBox, h, heading, link, tell } from "./dom.js";
import { follow } from "./live.js";
import { guildHref, routeOf } from "./router.js";
import { achievementsPage } from "./achievements.js";
import { boardPage } from "./board.js";
import { guildsPage } from "./guilds.js";
import { historyPage } from "./history.js";
import { loginPage, remembered } from "./login.js";
import { memberPage } from "./member.js";
import { settingsPage } from "./settings.js";

const SETTLE_MILLISECONDS = 400;
const AT_MOST_EVERY_MILLISECONDS = 2000;
const PASSING = [0, 429, 503];
const PAGES = {
  guilds: guildsPage,
  board: boardPage,
  member: memberPage,
  achievements: achievementsPage,
  settings: settingsPage,
  history: historyPage,
};
const TABS = [
  ["board", "Board", ["board", "member"]],
  ["achievements", "Achievements", ["achievements"]],
  ["settings", "Settings", ["settings", "history"]],
];

// The form library sets innerHTML of what is escaped already: no "<" is in it. Should one get there all the same,
// it stays a character.
globalThis.trustedTypes?.createPolicy("default", { createHTML: (text) => text.replaceAll("<", "&lt;") });

const main = document.getElementById("main");
const places = Object.fromEntries(["where", "who", "tabs", "live"].map((id) => [id, document.getElementById(id)]));

let me = null;
let guild = null;
let page = null;
let shown = null;
let turn = 0;
let unfollow = null;

/**
 * Show the page that the address names. `quiet`: the same page with newer content; the focus stays where it is.
 * `live`: because of what others did, so that nothing that this person has begun may be lost to it.
 */
async function show({ quiet = false, live = false } = {}) {
  const mine = ++turn;
  const route = routeOf(location.hash);
  if (me === null) {
    frame(null, route);
    put(loginPage(), { title: "Log in", quiet });
    return;
  }
  main.setAttribute("aria-busy", "true");
  const focused = document.activeElement?.id;
  try {
    const found = await guildOf(route);
    const made = await (PAGES[route.name] ?? missingPage)({ me, guild: found, route, again: () => show({ quiet: true }) });
    if (mine !== turn || (live && page?.unsaved?.())) return;
    guild = found;
    frame(found, route);
    const samePage = shown?.name === route.name && shown?.guild === route.guild && shown?.module === route.module && shown?.user === route.user;
    shown = route;
    page = made;
    put(made.node, { title: made.title, quiet: quiet || samePage, focused });
  } catch (error) {
    if (mine !== turn || (me === null && error.status === 401)) return;
    if (live && PASSING.includes(error.status)) return;
    frame(null, route);
    shown = page = null;
    put(h("div", {}, heading("This page cannot be shown"), alertBox(error.title ?? "An error.", sentence(error))), { title: "Error", quiet });
    if (!(error instanceof Problem) && error.status !== 0) throw error;
  } finally {
    if (mine === turn) main.removeAttribute("aria-busy");
  }
}

function sentence(error) {
  return error.status === 404 ? "It is not there, or you may not see it." : error.message;
}

async function guildOf(route) {
  if (!route.guild) return null;
  if (guild?.id === route.guild) return guild;
  return (await get(guildPath(route.guild))).body;
}

async function missingPage() {
  return { title: "No such page", node: h("div", {}, heading("There is no such page"), h("p", {}, link("#/", "To the guilds"))) };
}

function put(node, { title, quiet, focused }) {
  document.title = `${title} – Guildhall`;
  main.replaceChildren(node);
  if (quiet) {
    if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus({ preventScroll: true });
  } else {
    scrollTo(0, 0);
    (document.getElementById("heading") ?? main).focus({ preventScroll: true });
  }
}

/** What stands around the page. */
function frame(found, route) {
  places.where.textContent = found?.name ?? "";
  places.tabs.hidden = found === null;
  if (found !== null) {
    places.tabs.replaceChildren(
      ...TABS.map(([path, name, pages]) =>
        link(guildHref(found.id, path), name, { id: `tab-${path}`, "aria-current": pages.includes(route.name) ? "page" : null }),
      ),
    );
  }
  const name = me?.display_name ?? me?.username;
  const here = document.activeElement?.id === "log-out";
  places.who.replaceChildren(...(me === null ? [] : [h("span", { class: "me" }, name), h("button", { type: "button", class: "quiet", id: "log-out", onclick: leave }, "Log out")]));
  if (here) document.getElementById("log-out")?.focus();
  if (found?.id !== unfollow?.guild) followGuild(found?.id ?? null);
}

function followGuild(guildId) {
  unfollow?.stop();
  places.live.hidden = guildId === null;
  places.live.textContent = "Connecting…";
  unfollow = guildId === null ? null : { guild: guildId, stop: follow(guildId, heard, say) };
}

function say(state) {
  places.live.dataset.state = state;
  places.live.textContent = state === "live" ? "Live: changes by others appear by themselves" : "Not connected: changes by others appear later";
}

const news = { events: [], timer: null, shownAt: 0, typing: null };

function heard(event) {
  if (event.type.startsWith("guild.") || event.type === "reopened") guild = null;
  const wanted = event.type === "reopened" || event.type.startsWith("guild.") || page?.concerns?.(event);
  if (!wanted || page?.holds?.(event)) return;
  news.events.push(event);
  if (news.timer !== null) return;
  const rest = news.shownAt + AT_MOST_EVERY_MILLISECONDS - Date.now();
  news.timer = setTimeout(renew, Math.max(SETTLE_MILLISECONDS, rest));
}

/** Show what is new: not while nobody looks, and not under the hands of somebody who types. */
function renew() {
  news.timer = null;
  if (news.events.length === 0 || document.hidden) return;
  if (news.typing !== null && news.typing === document.activeElement) {
    news.timer = setTimeout(renew, AT_MOST_EVERY_MILLISECONDS);
    return;
  }
  const events = news.events.splice(0);
  if (events.every((event) => page?.holds?.(event))) return;
  news.shownAt = Date.now();
  show({ quiet: true, live: true });
}

main.addEventListener("input", (event) => (news.typing = event.target));
main.addEventListener("change", () => (news.typing = null));
document.addEventListener("visibilitychange", renew);

async function leave() {
  if (page?.unsaved?.() && !confirm("Your changes are not saved. Log out and lose them?")) return;
  try {
    await logOut();
  } catch (error) {
    if (error.status !== 401) {
      tell(`You are still logged in. ${error.message}`);
      return;
    }
  }
  loggedOut();
  tell("You are logged out.");
}

function loggedOut() {
  me = guild = page = shown = null;
  followGuild(null);
  show();
}

// What was typed and not saved stays: its page says how to go on.
onLoggedOut(() => {
  if (me !== null && !page?.unsaved?.()) loggedOut();
});

addEventListener("hashchange", (event) => {
  if (page?.unsaved?.() && !confirm("Your changes are not saved. Leave this page?")) {
    history.replaceState(null, "", new URL(event.oldURL).hash || "#/");
    return;
  }
  show();
});
addEventListener("beforeunload", (event) => {
  if (page?.unsaved?.()) event.preventDefault();
});
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});

async function begin() {
  try {
    me = await whoAmI();
  } catch (error) {
    put(h("div", {}, heading("The dashboard cannot be shown"), alertBox(error.title, error.message)), { title: "Error" });
    return;
  }
  const wished = remembered();
  if (me !== null && wished !== null && location.hash.length < 3) history.replaceState(null, "", wished);
  await show();
}

begin();
