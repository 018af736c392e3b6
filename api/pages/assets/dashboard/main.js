/** Shows the page that the address names, and keeps it up to date. */

import { Problem, Unreachable, get, guildPath, logOut, onLoggedOut, whoAmI } from "./api.js";
import { h, heading, link, notify } from "./dom.js";
import { frame } from "./frame.js";
import { chooseLanguage, t, useLocale } from "./language.js";
import { follow, recall } from "./live.js";
import { routeOf } from "./router.js";
import { Recovery, announce, failedPage, isPassing, skeleton, whileLoading } from "./screen.js";
import { loginPage, remembered } from "./login.js";

const SETTLE_MILLISECONDS = 400;
const AT_MOST_EVERY_MILLISECONDS = 2000;
// Each page comes when it is first shown, and the others when the browser has nothing else to do.
const PAGES = {
  guilds: () => import("./guilds.js").then((module) => module.guildsPage),
  overview: () => import("./overview.js").then((module) => module.overviewPage),
  board: () => import("./board.js").then((module) => module.boardPage),
  members: () => import("./members.js").then((module) => module.membersPage),
  member: () => import("./member.js").then((module) => module.memberPage),
  achievements: () => import("./achievements.js").then((module) => module.achievementsPage),
  achievement: () => import("./achievement.js").then((module) => module.achievementPage),
  imports: () => import("./imports.js").then((module) => module.importsPage),
  import: () => import("./import.js").then((module) => module.importPage),
  keys: () => import("./keys.js").then((module) => module.keysPage),
  sessions: () => import("./sessions.js").then((module) => module.sessionsPage),
  audit: () => import("./audit.js").then((module) => module.auditPage),
  webhooks: () => import("./webhooks.js").then((module) => module.webhooksPage),
  webhook: () => import("./webhook.js").then((module) => module.webhookPage),
  settings: () => import("./settings.js").then((module) => module.settingsPage),
  history: () => import("./history.js").then((module) => module.historyPage),
};

// The form library sets innerHTML of what is escaped already: no "<" is in it. Should one get there all the same,
// it stays a character.
globalThis.trustedTypes?.createPolicy("default", { createHTML: (text) => text.replaceAll("<", "&lt;") });

const main = document.getElementById("main");
const liveNote = document.getElementById("live");

let me; // undefined: not known yet; null: nobody is logged in
let guild = null;
let may = new Set(); // the scopes of this person in the guild
let page = null;
let shown = null;
let turn = 0;
let unfollow = null;

const recovery = new Recovery(() => show({ quiet: true, live: page !== null }));

/**
 * Show the page that the address names. `quiet`: the same page with newer content; the focus stays where it is.
 * `live`: because of what others did, so that nothing that this person has begun may be lost to it.
 */
async function show({ quiet = false, live = false } = {}) {
  const mine = ++turn;
  const route = routeOf(location.hash);
  main.setAttribute("aria-busy", "true");
  const focused = document.activeElement?.id;
  try {
    const made = await whileLoading(load(route), () => mine === turn && !quiet && loading(route));
    if (mine !== turn || (live && page?.unsaved?.())) return;
    recovery.succeeded();
    guild = made.guild;
    may = made.may;
    surround(made.guild, route);
    const isSame = isShown(route);
    shown = route;
    page = made.page;
    if (page.remembered) latest.recall();
    put(page.node, { title: page.title, quiet: quiet || isSame, focused });
  } catch (error) {
    if (mine !== turn || (me === null && error.status === 401)) return;
    failed(error, { route, quiet, live });
  } finally {
    if (mine === turn) {
      main.removeAttribute("aria-busy");
      main.classList.remove("waiting");
      announce("");
    }
  }
}

/** `{guild, page}` of a route; the page to log in where nobody is. */
async function load(route) {
  if (me === undefined) {
    me = await whoAmI();
    const wished = remembered();
    if (me !== null && wished !== null && location.hash.length < 3) {
      history.replaceState(null, "", wished);
      return load(routeOf(wished));
    }
  }
  if (me === null) return { guild: null, may: new Set(), page: { title: t("Log in"), node: loginPage() } };
  const [found, draw] = await Promise.all([guildOf(route), pageOf(route.name)]);
  return { ...found, page: await draw({ me, ...found, route, latest, again: () => show({ quiet: true }) }) };
}

/** What is seen meanwhile: the page that is there, paler, if it is this one in another way; otherwise a skeleton. */
function loading(route) {
  announce(t("Loading…"));
  if (isShown(route)) {
    main.classList.add("waiting");
    return;
  }
  if (guild !== null && guild.id === route.guild) surround(guild, route);
  shown = page = null;
  main.replaceChildren(h("h1", { class: "unseen" }, t("Loading…")), skeleton());
}

const isShown = (route) => shown !== null && ["name", "guild", "module", "user", "achievement", "import", "webhook"].every((each) => shown[each] === route[each]);

/** A page that is there stays, and may be out of date for a while; any other makes room for what went wrong. */
function failed(error, { route, quiet, live }) {
  recovery.failed(error);
  if (page !== null && isPassing(error) && (live || quiet)) {
    if (!live) notify(error.message);
    return;
  }
  if (me !== undefined) surround(guild?.id === route.guild && error.status !== 404 ? guild : null, route);
  shown = page = null;
  put(failedPage(error, () => show()), { title: t("Error"), quiet, focused: document.activeElement?.id });
  if (!(error instanceof Problem) && error.status !== 0) throw error;
}

/** The function that makes a page. */
async function pageOf(name) {
  try {
    return Object.hasOwn(PAGES, name) ? await PAGES[name]() : missingPage;
  } catch {
    throw new Unreachable();
  }
}

/** The guild of a route, and what the person may do there. */
async function guildOf(route) {
  if (!route.guild) return { guild: null, may: new Set() };
  if (guild?.id === route.guild) return { guild, may };
  const [found, access] = await Promise.all([get(guildPath(route.guild)), get(guildPath(route.guild, "/access"))]);
  useLocale(found.body.locale);
  return { guild: found.body, may: new Set(access.body.scopes) };
}

async function missingPage() {
  return { title: t("No such page"), node: h("div", {}, heading(t("There is no such page")), h("p", {}, link("#/", t("To the guilds")))) };
}

function put(node, { title, quiet, focused }) {
  document.title = `${title} – Guildhall`;
  main.replaceChildren(node);
  if (quiet) {
    if (focused && document.activeElement?.id !== focused) (document.getElementById(focused) ?? document.getElementById("heading"))?.focus({ preventScroll: true });
  } else {
    scrollTo(0, 0);
    (document.getElementById("heading") ?? main).focus({ preventScroll: true });
  }
}

function surround(found, route) {
  frame({ me, guild: found, may, route, leave });
  if (found?.id !== unfollow?.guild) followGuild(found?.id ?? null);
}

function followGuild(guildId) {
  unfollow?.stop();
  liveNote.hidden = guildId === null;
  liveNote.textContent = t("Connecting…");
  unfollow = guildId === null ? null : { guild: guildId, stop: follow(guildId, heard, say) };
  forget(guildId);
}

function say(state) {
  liveNote.dataset.state = state;
  liveNote.textContent = state === "live" ? t("Live") : t("Not connected: what you see may be old");
}

const news = { events: [], timer: null, shownAt: 0, typing: null };

// The latest level-ups and unlocks of the guild, newest first: also those before this page, as soon as they are asked
// for. `isRead`: those are here.
const latest = { events: [], isRead: false, recall: () => {} };
const LATEST = ["achievement.unlocked", "member.level_up"];
const MOST_LATEST = 10;

function forget(guildId) {
  Object.assign(latest, { events: [], isRead: false, recall: () => remember(guildId) });
}

async function remember(guildId) {
  latest.recall = () => {};
  const before = await recall(guildId, LATEST, MOST_LATEST).catch(() => []);
  if (unfollow?.guild !== guildId) return;
  note(...before);
  latest.isRead = true;
  page?.remembered?.();
}

/** What an erased person did is kept, but not shown. */
function note(...events) {
  const known = new Map([...latest.events, ...events].filter((event) => event.user_id).map((event) => [event.id, event]));
  latest.events = [...known.values()].toSorted((one, other) => other.id - one.id).slice(0, MOST_LATEST);
}

function heard(event) {
  if (LATEST.includes(event.type)) note(event);
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
  if (page?.unsaved?.() && !confirm(t("Your changes are not saved. Log out and lose them?"))) return;
  try {
    await logOut();
  } catch (error) {
    if (error.status !== 401) {
      notify(t("You are still logged in. {message}", { message: error.message }));
      return;
    }
  }
  loggedOut();
  notify(t("You are logged out."));
}

function loggedOut() {
  me = guild = page = shown = null;
  followGuild(null);
  show();
}

// What was typed and not saved stays: its page says how to go on.
onLoggedOut(() => {
  if (me && !page?.unsaved?.()) loggedOut();
});

addEventListener("hashchange", (event) => {
  if (page?.unsaved?.() && !confirm(t("Your changes are not saved. Leave this page?"))) {
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

// Ctrl+K, on a Mac ⌘K, and the button in the frame.
const find = document.getElementById("find");
const openPalette = () => import("./palette.js").then((module) => module.openPalette({ guild, may }), () => notify(new Unreachable().message));
find.append(h("kbd", { "aria-hidden": "true" }, /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘K" : t("Ctrl K")));
find.addEventListener("click", openPalette);
addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== "k" || !me) return;
  event.preventDefault();
  openPalette();
});

document.getElementById("language").addEventListener("change", (event) => {
  chooseLanguage(event.target.value);
  location.reload();
});

await show();
// Safari has no such moment.
(globalThis.requestIdleCallback ?? setTimeout)(() => Object.keys(PAGES).forEach((name) => pageOf(name).catch(() => {})));
