/** A person is a face, a name, an id. */

import { h, link, notify } from "./dom.js";
import { t } from "./language.js";
import { guildHref } from "./router.js";
import { nameOf } from "./words.js";

/** The picture at Discord; initials on a color made of the id where there is none, or where it does not load. */
export function face(person, size = 28) {
  const drawn = initials(person, size);
  if (!person.avatar_url) return drawn;
  const picture = h("img", { class: "face", src: `${person.avatar_url}?size=${size > 32 ? 128 : 64}`, alt: "", width: size, height: size, loading: "lazy", referrerpolicy: "no-referrer" });
  picture.addEventListener("error", () => picture.replaceWith(drawn), { once: true });
  return picture;
}

function initials(person, size) {
  const name = nameOf(person) ?? "";
  const letters = name.split(/\s+/).slice(0, 2).map((word) => [...word][0] ?? "").join("").toUpperCase();
  const node = h("span", { class: "face", "aria-hidden": "true" }, letters || "#");
  // 30 % of lightness keeps white letters readable on every hue.
  node.style.background = `hsl(${BigInt(person.user_id) % 360n} 45% 30%)`;
  node.style.width = node.style.height = `${size}px`;
  node.style.fontSize = `${Math.round(size * 0.4)}px`;
  return node;
}

/** Somebody in a list: a link to their page. Without a known name the id is what they are called. */
export function personLink(guild, person, ...more) {
  const name = nameOf(person);
  const href = guildHref(guild.id, `members/${person.user_id}`);
  return h(
    "span",
    { class: "person", title: person.user_id },
    face(person),
    h("span", {}, link(href, name === null ? person.user_id : h("bdi", {}, name), { id: `member-${person.user_id}`, class: name === null ? "id" : null }), more, userName(person)),
  );
}

/** `@ada`, if it says more than the name. */
export function userName(person) {
  return person.username !== null && person.username !== nameOf(person) ? [" ", h("bdi", { class: "username" }, `@${person.username}`)] : null;
}

/** Copies an id, which is shown nowhere else. */
export function copyId(id) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(id);
      notify(t("Id copied."));
    } catch {
      notify(t("The id is {id}.", { id }));
    }
  };
  return h("button", { type: "button", class: "quiet", id: "copy-id", title: id, onclick: copy }, t("Copy id"));
}
