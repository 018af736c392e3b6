/** Whether others see this person, and whether anything is counted of them: in all guilds, and only by themselves. */

import { call, get } from "./api.js";
import { alertBox, h, notify } from "./dom.js";
import { t } from "./language.js";
import { part } from "./screen.js";

export async function privacyPart({ me, again }) {
  const path = `/v1/users/${me.id}/privacy`;
  const content = await part(get(path), { title: t("Your privacy could not be loaded."), draw: ({ body }) => form(body, { path, again }), again });
  return h("section", { "aria-labelledby": "privacy" }, h("h2", { id: "privacy" }, t("Your privacy, in all guilds")), content);
}

function form(choice, { path, again }) {
  const trouble = h("div", {});
  const save = async (change) => {
    try {
      await call("PUT", path, { body: change });
    } catch (error) {
      trouble.replaceChildren(alertBox(t("Not saved."), error.message));
      return;
    }
    await again();
    notify(t("Saved."));
  };
  const box = (id, checked, text, act) => h("label", { class: "check" }, h("input", { type: "checkbox", id, checked, onchange: (event) => act(event.target.checked) }), text);
  return h(
    "div",
    { class: "card" },
    box("is-hidden", choice.visibility === "hidden", t("Hide me from leaderboards, lists and public pages"), (isHidden) => save({ visibility: isHidden ? "hidden" : "public" })),
    box("opts-out", choice.opt_out, t("Do not count my activity from now on"), (optsOut) => save({ opt_out: optsOut })),
    trouble,
  );
}
