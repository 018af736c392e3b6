/** The levels of a curve as a drawing and a table, and how long they take at this guild's pace. */

import { call, get, guildPath } from "./api.js";
import { h, svg } from "./dom.js";
import { number, t, tn } from "./language.js";

const DRAWN = 50;
const LISTED = [1, 5, 10, 20, 50, 100];
const TYPING_MILLISECONDS = 400;
const WIDTH = 320;
const HEIGHT = 120;
const GRID = [0, 0.5, 1];
const WEEK_DAYS = 7;

export class CurvePreview {
  #timer = null;
  #turn = 0;
  #pace = null;

  /** `read()` gives `{curve, max_level}` as the form has them now. */
  constructor({ guild, read }) {
    this.guild = guild;
    this.read = read;
    this.node = h("div", { class: "curve-preview", role: "group", "aria-label": t("What the curve means") });
    this.#show();
  }

  /** After a change of the form. */
  changed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#show(), TYPING_MILLISECONDS);
  }

  async #show() {
    const mine = ++this.#turn;
    try {
      this.#pace ??= paceOf(this.guild);
      const [{ body }, pace] = await Promise.all([call("POST", guildPath(this.guild.id, "/level-curve/preview"), { body: this.read() }), this.#pace]);
      if (mine === this.#turn) this.node.replaceChildren(drawing(body.thresholds), ...table(body.thresholds, pace));
    } catch (error) {
      if (mine === this.#turn) this.node.replaceChildren(h("p", { class: "note" }, error.status === 422 ? t("Finish the curve to see its levels.") : error.message));
    }
  }
}

/** XP a day of the most active tenth, of the best hundred at most, in the last whole week; null without any. */
async function paceOf(guild) {
  const path = guildPath(guild.id, "/leaderboard");
  const { body: now } = await get(path, { stat: "xp", period: "week", limit: 1 });
  const before = new Date(Date.parse(now.from) - 24 * 3600 * 1000).toISOString().slice(0, 10);
  const { body } = await get(path, { stat: "xp", period: "week", at: before, limit: 100 });
  const tenth = body.items.slice(0, Math.ceil(body.member_count / 10));
  const sum = tenth.reduce((total, entry) => total + entry.value, 0);
  return sum === 0 ? null : sum / tenth.length / WEEK_DAYS;
}

function drawing(thresholds) {
  const shown = [0, ...thresholds.slice(0, DRAWN)];
  const top = shown.at(-1);
  const x = (level) => (level / (shown.length - 1)) * WIDTH;
  const y = (xp) => HEIGHT - (xp / top) * HEIGHT;
  return h(
    "figure",
    { class: "curve" },
    h("figcaption", {}, t("XP up to level {level}: {xp}", { level: number(shown.length - 1), xp: number(top) })),
    svg(
      "svg",
      { viewBox: `-2 -2 ${WIDTH + 4} ${HEIGHT + 4}`, "aria-hidden": "true" },
      GRID.map((share) => svg("line", { class: "grid", x1: 0, x2: WIDTH, y1: share * HEIGHT, y2: share * HEIGHT })),
      svg("polyline", { class: "line", points: shown.map((xp, level) => `${x(level).toFixed(1)},${y(xp).toFixed(1)}`).join(" ") }),
    ),
  );
}

function table(thresholds, pace) {
  const levels = LISTED.filter((level) => level <= thresholds.length);
  const row = (level) => {
    const xp = thresholds[level - 1];
    return h("tr", {}, h("th", { scope: "row", class: "number" }, number(level)), h("td", { class: "number" }, number(xp)), pace !== null && h("td", {}, timeOf(xp / pace)));
  };
  const head = (text, attributes = {}) => h("th", { scope: "col", ...attributes }, text);
  return [
    h("table", { class: "levels", "aria-label": t("XP of some levels") }, h("thead", {}, h("tr", {}, head(t("Level"), { class: "number" }), head(t("XP"), { class: "number" }), pace !== null && head(t("Takes about")))), h("tbody", {}, levels.map(row))),
    h("p", { class: "note" }, pace === null ? t("How long that takes is shown once members have earned XP for a week.") : t("At the pace of your most active tenth last week: {xp} XP a day.", { xp: number(Math.round(pace)) })),
  ];
}

/** `3 weeks`. */
function timeOf(days) {
  if (days < 1.5) return t("a day");
  if (days < 14) return tn("{count} day", "{count} days", Math.round(days));
  if (days < 60) return tn("{count} week", "{count} weeks", Math.round(days / 7));
  if (days < 730) return tn("{count} month", "{count} months", Math.round(days / 30.4));
  return tn("{count} year", "{count} years", Math.round(days / 365));
}
