/** The operations at the side, by tag, with a search. */

const METHODS = ["get", "post", "put", "patch", "delete"];

/** `open(tag, operationId)` shows an operation. */
export function sidebar(spec, open) {
  const field = element("input", { type: "search", placeholder: "Find a route", "aria-label": "Find a route", autocomplete: "off" });
  const tags = spec.tags?.map(({ name }) => name) ?? [...new Set(Object.values(spec.paths).flatMap((item) => METHODS.flatMap((method) => item[method]?.tags ?? [])))];
  const groups = tags.map((name) => group(name, operationsOf(spec, name), open)).filter((each) => each.items.length > 0);
  field.addEventListener("input", () => filter(groups, field.value));
  return element("nav", { "aria-label": "Routes", class: "routes" }, field, ...groups.map((each) => each.node));
}

function operationsOf(spec, tag) {
  return Object.entries(spec.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]?.tags?.includes(tag)).map((method) => ({ path, method, id: item[method].operationId, summary: item[method].summary ?? item[method].operationId })),
  );
}

function group(tag, operations, open) {
  const items = operations.map((operation) => {
    const link = element("a", { href: `#/${tag}/${operation.id}`, title: operation.path }, element("span", { class: `method ${operation.method}` }, operation.method.toUpperCase()), element("span", {}, operation.summary));
    link.addEventListener("click", (event) => {
      event.preventDefault();
      open(tag, operation.id);
    });
    return { node: element("li", {}, link), text: `${operation.method} ${operation.path} ${operation.summary}`.toLowerCase() };
  });
  return { node: element("details", {}, element("summary", {}, tag), element("ul", {}, ...items.map((item) => item.node))), items };
}

/** Shows what has all words, in open groups. Without words, everything, as it was folded. */
function filter(groups, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const { node, items } of groups) {
    for (const item of items) item.node.hidden = !words.every((word) => item.text.includes(word));
    node.hidden = items.every((item) => item.node.hidden);
    node.open = words.length > 0 && !node.hidden;
  }
}

export function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
