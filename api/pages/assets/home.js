import { chooseLanguage, t } from "./dashboard/language.js";

const POLL_MILLISECONDS = 15000;
const TIMEOUT_MILLISECONDS = 5000;

const health = document.getElementById("health");
const summary = document.getElementById("health-summary");
const checks = document.getElementById("health-checks");
let shown = "";

/** A check's value in words: true, "ok", or an object such as {"ok": false, "detail": "…"}. */
function inWords(value) {
  if (value === true) return t("ok");
  if (value === false) return t("failing");
  if (value === null) return t("unknown");
  if (typeof value !== "object") return String(value);
  return Object.entries(value)
    .map(([name, part]) => (["ok", "status", "detail", "message"].includes(name) ? inWords(part) : `${name}: ${inWords(part)}`))
    .join(", ");
}

function checkRows(found) {
  return Object.entries(found ?? {}).flatMap(([name, value]) => {
    const term = document.createElement("dt");
    term.textContent = String(value?.name ?? name);
    const description = document.createElement("dd");
    description.textContent = inWords(value);
    return [term, description];
  });
}

/** Touch the page only when something changed: a screen reader announces every change of the live region. */
function show(state, word, sentence, found) {
  const next = JSON.stringify([state, sentence, found]);
  if (next === shown) return;
  shown = next;
  health.dataset.state = state;
  const strong = document.createElement("strong");
  strong.textContent = word;
  const text = document.createElement("span");
  text.append(strong, ` ${sentence}`);
  summary.replaceChildren(text);
  checks.replaceChildren(...checkRows(found));
}

async function ask() {
  let response;
  try {
    response = await fetch("/health/ready", {
      headers: { Accept: "application/json" },
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
    });
  } catch {
    show("not-ready", t("Not reachable."), t("The server did not answer; this page keeps trying."));
    return;
  }
  const body = await response.json().catch(() => null);
  if (response.status === 200) {
    show("ready", t("Ready."), t("It answers requests."), body?.checks);
  } else {
    show("not-ready", t("Not ready."), t("Requests may be refused for now (status {status}).", { status: response.status }), body?.checks);
  }
}

async function poll() {
  if (!document.hidden) await ask();
  setTimeout(poll, POLL_MILLISECONDS);
}

// Behind a proxy that ends TLS, only the browser knows the address for certain.
for (const place of document.querySelectorAll("[data-origin]")) place.textContent = location.origin;
document.getElementById("language").addEventListener("change", (event) => {
  chooseLanguage(event.target.value);
  location.reload();
});
show("checking", t("Checking…"), "");
document.addEventListener("visibilitychange", () => !document.hidden && ask());
poll();
