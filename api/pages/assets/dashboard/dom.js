/** Elements made of text: nothing here, or anywhere in the dashboard, parses markup. */

/**
 * An element. `attributes`: `class`, `onclick` and other listeners, booleans (true: present, false: absent), texts;
 * null and undefined are left out. `children`: nodes and texts, in lists too.
 */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same in SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A heading that takes the focus when its page is shown. */
export function heading(text, ...more) {
  return h("h1", { tabindex: "-1", id: "heading" }, text, ...more);
}

/** A link that looks like a button where `primary`. */
export function link(href, text, attributes = {}) {
  return h("a", { href, ...attributes }, text);
}

/** What cannot be done, said where it was tried; a screen reader speaks it at once. */
export function alertBox(title, detail, ...more) {
  return h("div", { class: "alert", role: "alert" }, h("p", {}, h("strong", {}, title), " ", detail ?? ""), ...more);
}

/** Shows a short message for some seconds. Screen readers read it aloud. */
export function notify(text) {
  const place = document.getElementById("toast");
  const note = h("p", {}, text);
  place.replaceChildren(note);
  setTimeout(() => note.remove(), 8000);
}

let ids = 0;

/** An id that no other element has. */
export function freshId(prefix) {
  ids += 1;
  return `${prefix}-${ids}`;
}
