/** The four states of a screen or a part of one: loading, empty, failed, full. */

import { alertBox, freshId, h, heading, link } from "./dom.js";
import { t } from "./language.js";

const LOADING_AFTER_MILLISECONDS = 150;
const RETRY_AFTER_MILLISECONDS = [2000, 4000, 8000, 15000];
const PASSING = [0, 429, 502, 503, 504];

/** Whether the same request may succeed by itself, later. */
export const isPassing = (error) => PASSING.includes(error.status);

/** Says in a place for screen readers that something loads, or that it has ended. */
export function announce(text) {
  document.getElementById("progress").textContent = text;
}

/** A grey drawing of what is to come. `shape`: "page" or "rows". */
export function skeleton(shape = "page") {
  const rows = Array.from({ length: shape === "page" ? 6 : 4 }, () => h("span", { class: "bone" }));
  return h("div", { class: "skeleton", "aria-hidden": "true" }, shape === "page" && h("span", { class: "bone title" }), rows);
}

/** Calls `draw` if `promise` has not ended after a moment; `draw` has nothing to do for what is quick. */
export async function whileLoading(promise, draw) {
  const timer = setTimeout(draw, LOADING_AFTER_MILLISECONDS);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

/** Nothing is there: one sentence, and what to do about it. */
export function emptyState(sentence, action = null) {
  return h("div", { class: "empty" }, h("p", {}, sentence), action && h("p", {}, action));
}

/** What failed, why, and a button that tries again. */
export function failure(title, error, again, id = freshId("retry")) {
  const retry = h("button", { type: "button", class: "quiet", id, onclick: again }, t("Try again"));
  return alertBox(title, sentenceOf(error), h("p", { class: "retry" }, retry));
}

/** A whole page that failed. */
export function failedPage(error, again) {
  const later = isPassing(error) && h("p", { class: "note" }, t("This page also tries again by itself."));
  return h("div", {}, heading(titleOf(error)), failure(`${error.title ?? t("Something went wrong")}.`, error, again, "retry-page"), later, h("p", {}, link("#/", t("Your guilds"), { id: "to-guilds" })));
}

function titleOf(error) {
  if (error.status === 404) return t("Not found");
  return isPassing(error) ? t("The server is not answering") : t("This page cannot be shown");
}

function sentenceOf(error) {
  if (error.status === 404) return t("It does not exist, or you may not see it.");
  return error.status === undefined ? t("There is a fault in this page. Reload it; if that does not help, tell whoever runs this server.") : error.message;
}

/** A part that may fail by itself: what `draw` makes of its answer, or why there is none. */
export async function part(promise, { title, draw, again }) {
  try {
    return draw(await promise);
  } catch (error) {
    if (error.status === undefined) throw error;
    return failure(title, error, again);
  }
}

/**
 * Tries again by itself: as soon as the network is back or the page is looked at, otherwise ever more slowly.
 * `retry` is called until `succeeded` is.
 */
export class Recovery {
  #retry;
  #timer = null;
  #tries = 0;

  constructor(retry) {
    this.#retry = retry;
    addEventListener("online", () => this.#now());
    document.addEventListener("visibilitychange", () => this.#now());
  }

  failed(error) {
    clearTimeout(this.#timer);
    this.#timer = null;
    if (!isPassing(error)) return;
    const wait = RETRY_AFTER_MILLISECONDS[Math.min(this.#tries, RETRY_AFTER_MILLISECONDS.length - 1)];
    this.#tries += 1;
    this.#timer = setTimeout(() => this.#now(), wait);
  }

  succeeded() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#tries = 0;
  }

  #now() {
    if (this.#timer === null || document.hidden) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#retry();
  }
}
