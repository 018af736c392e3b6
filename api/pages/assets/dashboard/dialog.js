/** A small dialog that asks for something, does it, and stays open with the reason if that fails. */

import { alertBox, freshId, h } from "./dom.js";
import { t } from "./language.js";

/**
 * `body`: what it says and asks. `send(data)` does it, with the form's values; what it throws is shown. Gives what
 * `send` gave, or null if the person changed their mind.
 */
export function ask({ title, body, action, isDanger = false, send }) {
  const opener = document.activeElement?.id;
  return new Promise((resolve) => {
    const heading = freshId("dialog");
    const trouble = h("div", {});
    const button = h("button", { type: "submit", class: isDanger ? "button danger" : "button" }, action);
    const close = (answer) => {
      dialog.close();
      dialog.remove();
      document.getElementById(opener)?.focus({ preventScroll: true });
      resolve(answer);
    };
    const submit = async (event) => {
      event.preventDefault();
      if (button.hasAttribute("aria-disabled")) return;
      button.setAttribute("aria-disabled", "true");
      trouble.replaceChildren();
      try {
        close((await send(new FormData(event.target))) ?? true);
      } catch (error) {
        trouble.replaceChildren(alertBox(`${error.title ?? t("That did not work")}.`, faults(error)));
        if (error.status === undefined) throw error;
      } finally {
        button.removeAttribute("aria-disabled");
      }
    };
    const dialog = h(
      "dialog",
      { class: "ask", "aria-labelledby": heading, oncancel: (event) => (event.preventDefault(), close(null)) },
      h("h2", { id: heading }, title),
      h("form", { onsubmit: submit }, body, trouble, h("div", { class: "pages end" }, h("button", { type: "button", class: "quiet", onclick: () => close(null) }, t("Cancel")), button)),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}

function faults(error) {
  const messages = (error.errors ?? []).map(({ pointer, parameter, message }) => `${pointer ?? parameter ?? ""} ${message}`.trim());
  return messages.length > 0 ? messages.join("; ") : error.message;
}

/** A field for why something is done, for the audit log. */
export function reasonField() {
  const id = freshId("why");
  return h("p", { class: "field" }, h("label", { for: id }, t("Reason (optional, for the audit log)")), h("input", { id, name: "reason", maxlength: "512", autocomplete: "off" }));
}
