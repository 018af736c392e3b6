/** Logging in: a link to the server, which sends the browser to Discord and back. */

import { alertBox, h, heading } from "./dom.js";
import { rich, t } from "./language.js";

const KEY = "guildhall-page";
export const LOGIN = "/auth/discord/login?return_to=/dashboard/";

export function loginPage() {
  const trouble = h("div", {});
  return h(
    "div",
    { class: "login" },
    heading(t("Guildhall dashboard")),
    h("p", { class: "lead" }, t("See how your guilds are doing, and set up their bot.")),
    h("p", {}, h("a", { class: "button", href: LOGIN, id: "log-in", onclick: (event) => begin(event, trouble) }, t("Log in with Discord"))),
    trouble,
    h("p", { class: "note" }, t("Discord shares your name, your guilds and your roles in them, nothing else. You see the guilds that you manage, and those in which one of your roles has access.")),
  );
}

/** Whether the server lets people in at all is only found out by asking; if not, it is said here, on this page. */
async function begin(event, trouble) {
  event.preventDefault();
  sessionStorage.setItem(KEY, location.hash);
  const answer = await fetch(LOGIN, { redirect: "manual" }).catch(() => null);
  if (answer?.type === "opaqueredirect") {
    location.assign(LOGIN);
    return;
  }
  const problem = await answer?.json().catch(() => null);
  trouble.replaceChildren(
    problem?.type?.endsWith("login-not-configured")
      ? alertBox(t("Nobody can log in here yet."), t("The operator of this server must set up a Discord application first:"), steps())
      : alertBox(problem?.title ?? t("Not reachable."), problem?.detail ?? t("The server did not answer. Try again.")),
  );
}

function steps() {
  const code = (text) => h("code", {}, text);
  return h(
    "ol",
    {},
    h("li", {}, t("Make an application in Discord's developer portal, and take its client id and client secret.")),
    h("li", {}, rich("There, under OAuth2, add this redirect: {address}", { address: code(`${location.origin}/auth/discord/callback`) })),
    h("li", {}, rich("Set {id} and {secret}, and start the server again.", { id: code("GUILDHALL_DISCORD_CLIENT_ID"), secret: code("GUILDHALL_DISCORD_CLIENT_SECRET") })),
  );
}

/** The page on which the log-in was begun; once. */
export function remembered() {
  const hash = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  return hash || null;
}
