/** A dialog that shows a secret, once. */

import { freshId, h } from "./dom.js";
import { t } from "./language.js";

/** Ends when the person closes it. */
export function showSecret({ title, note, secret }) {
  return new Promise((resolve) => {
    const heading = freshId("dialog");
    const field = h("input", { id: freshId("secret"), class: "id", readonly: true, value: secret, onfocus: () => field.select() });
    const copy = async (event) => {
      const button = event.target;
      try {
        await navigator.clipboard.writeText(secret);
        button.textContent = t("Copied");
      } catch {
        field.focus();
      }
    };
    const dialog = h(
      "dialog",
      { class: "ask", "aria-labelledby": heading, oncancel: (event) => event.preventDefault() },
      h("h2", { id: heading }, title),
      h("p", {}, note),
      h("p", { class: "field" }, h("label", { for: field.id }, t("Secret")), field),
      h("div", { class: "pages end" }, h("button", { type: "button", class: "quiet", onclick: copy }, t("Copy")), h("button", { type: "button", onclick: () => close() }, t("I have stored it"))),
    );
    function close() {
      dialog.close();
      dialog.remove();
      resolve();
    }
    document.body.append(dialog);
    dialog.showModal();
  });
}
