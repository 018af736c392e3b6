/** Where this person is logged in, and the way to end that. */

import { all, call } from "./api.js";
import { ask } from "./dialog.js";
import { h, heading, link, notify } from "./dom.js";
import { t } from "./language.js";
import { moment } from "./words.js";

const PATH = "/v1/me/sessions";

export async function sessionsPage({ again }) {
  const sessions = await all(PATH);
  const others = sessions.filter((session) => !session.current).length;
  const endOthers = h("button", { type: "button", class: "quiet", id: "end-others", onclick: () => endAll(again) }, t("Log out everywhere else"));
  return {
    title: t("Your sessions"),
    node: h(
      "div",
      {},
      h("p", { class: "up" }, link("#/", t("← Your guilds"), { id: "to-guilds" })),
      h("div", { class: "title" }, heading(t("Your sessions")), others > 1 && h("div", { class: "buttons" }, endOthers)),
      h("p", { class: "note" }, others === 0 ? t("You are logged in here and nowhere else.") : t("End a session that you do not know.")),
      h("ul", { class: "plain stack" }, sessions.map((session) => h("li", { class: "card" }, card(session, again)))),
    ),
  };
}

function card(session, again) {
  const name = browserName(session.user_agent);
  const button = h("button", { type: "button", class: "quiet", id: `end-${session.id}`, "aria-label": t("Log out there: {browser}, last used {time}", { browser: name, time: moment(session.last_used_at) }), onclick: () => end(session, name, again) }, t("Log out there"));
  return [
    h("h2", {}, h("bdi", {}, name), session.current && h("span", { class: "tag" }, t("this one"))),
    h("p", {}, t("Last used {time}", { time: moment(session.last_used_at) })),
    h("p", { class: "note" }, session.ip === null ? t("Logged in {time}", { time: moment(session.created_at) }) : t("Logged in {time} from {address}", { time: moment(session.created_at), address: session.ip })),
    !session.current && h("p", { class: "end" }, button),
  ];
}

const BROWSERS = [["Edg/", "Edge"], ["OPR/", "Opera"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]];
const SYSTEMS = [["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Windows", "Windows"], ["Mac OS", "macOS"], ["Linux", "Linux"]];

/** The browser and its system, as far as its `User-Agent` says. */
function browserName(agent) {
  if (agent === null) return t("Unknown browser");
  const named = (list) => list.find(([mark]) => agent.includes(mark))?.[1];
  const browser = named(BROWSERS);
  const system = named(SYSTEMS);
  if (!browser) return agent.slice(0, 60);
  return system ? t("{browser} on {system}", { browser, system }) : browser;
}

async function end(session, name, again) {
  const answer = await ask({
    title: t("Log out of {browser}?", { browser: name }),
    body: h("p", {}, t("Whoever uses it has to log in with Discord again.")),
    action: t("Log out there"),
    send: () => call("DELETE", `${PATH}/${session.id}`),
  });
  if (answer === null) return;
  await again();
  notify(t("The session has ended."));
}

async function endAll(again) {
  const answer = await ask({
    title: t("Log out everywhere else?"),
    body: h("p", {}, t("You stay logged in here.")),
    action: t("Log out everywhere else"),
    send: () => call("DELETE", PATH),
  });
  if (answer === null) return;
  await again();
  notify(t("You are logged in only here now."));
}
