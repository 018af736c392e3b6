/**
 * From a module's JSON Schema to what the form library draws. Pure.
 *
 * The API's schemas say more than the library reads (x-order, x-group, x-ref), and some things in other words: a
 * nullable value is an `anyOf` here, a `$ref` may stand beside a title. Titles and descriptions are escaped, since the
 * library sets them as HTML and fills in what stands in double braces.
 */

import { t } from "./language.js";
import { humanized, quoted } from "./words.js";

const DEEPEST = 20;
const LONG_TEXT = 100;
const INPUT_TYPES = { date: "date", "date-time": "text", email: "email", time: "text", color: "color" };
const NUMBERS = ["integer", "number"];

// Choices that one word does not explain, by all that can be chosen.
const CHOICES = [
  { keep: t("Keep them on the leaderboard"), hide: t("Take them off until they return"), reset: t("Delete their XP and stats") },
  { off: t("Nobody"), members: t("Members who are logged in"), everyone: t("Everyone") },
  { off: t("Nowhere"), current: t("In the channel where it happens"), channel: t("In one channel"), dm: t("In a direct message") },
];

/** The properties of a module in the order of its form, by group: `[{group, names}]`. */
export function groupsOf(schema) {
  const properties = Object.entries(schema.properties ?? {});
  const order = ([, property]) => property["x-order"] ?? Number.MAX_SAFE_INTEGER;
  const groups = new Map();
  for (const [name, property] of properties.toSorted((a, b) => order(a) - order(b))) {
    const group = property["x-group"] ?? "";
    groups.set(group, [...(groups.get(group) ?? []), name]);
  }
  return [...groups].map(([group, names]) => ({ group, names }));
}

/** What a person calls a property. */
export function titleOf(schema, name) {
  const { title } = resolved(schema, schema.properties?.[name] ?? {});
  return title === undefined ? humanized(name) : t(title);
}

/** Whether a property's value is replaced as a whole instead of merged into. */
export function isWhole(schema, name) {
  return schema.properties?.[name]?.["x-merge"] === "replace";
}

/** The schema of one property for the library. `choices`: `{role: [{id, name}], channel: […]}`. */
export function drawable(schema, name, choices) {
  const node = schema.properties[name];
  return draw(schema, { title: humanized(name), ...node }, choices, 0);
}

/** A schema with what it refers to, and with what all of its parts say, in one. */
function resolved(root, node, depth = 0) {
  if (depth <= DEEPEST && Array.isArray(node?.allOf)) {
    const parts = node.allOf.map((part) => resolved(root, part, depth + 1));
    const properties = Object.assign({}, ...parts.map((part) => part.properties), node.properties);
    return { ...Object.assign({}, ...parts), ...without(node, ["allOf"]), ...(Object.keys(properties).length > 0 ? { properties } : {}) };
  }
  if (typeof node?.$ref !== "string" || depth > DEEPEST) return node ?? {};
  const { $ref, ...beside } = node;
  const target = $ref
    .replace(/^#\/?/, "")
    .split("/")
    .filter((step) => step !== "")
    .reduce((place, step) => place?.[decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~")], root);
  return resolved(root, { ...target, ...beside }, depth + 1);
}

function draw(root, given, choices, depth) {
  const node = resolved(root, given);
  if (depth > DEEPEST || typeof node !== "object") return { type: "string" };
  const next = (child) => draw(root, child, choices, depth + 1);
  const options = node.anyOf ?? node.oneOf;
  if (options) return union(root, node, options.map((option) => resolved(root, option)), next);
  const type = typeOf(node);
  if (Array.isArray(type)) return several(root, node, type, next);
  return { ...shared(node), ...byType(node, type, choices, next) };
}

/** One of several forms: a value or null, or alternatives that a member tells apart. */
function union(root, node, options, next) {
  const rest = without(node, ["anyOf", "oneOf", "discriminator", "default"]);
  const forms = options.filter((option) => option.type !== "null");
  if (forms.length < options.length && forms.length === 1) return nullable(next({ ...forms[0], ...rest }));
  const discriminator = node.discriminator?.propertyName;
  return {
    ...shared(without(node, ["default"])),
    ...(discriminator ? { "x-discriminator": discriminator } : {}),
    anyOf: options.map((option) => {
      const title = humanized(constant(resolved(root, option.properties?.[discriminator] ?? {})) ?? option.title ?? option.type ?? "Value");
      return { ...next(option), title: escaped(title), "x-titleHidden": true, "x-switcherTitle": title };
    }),
  };
}

/** `type: ["string", "null"]`, or more types than that. */
function several(root, node, types, next) {
  const forms = types.filter((type) => type !== "null");
  if (forms.length === 1) return nullable(next({ ...without(node, ["default"]), type: forms[0], ...(node.enum ? { enum: node.enum.filter((value) => value !== null) } : {}) }));
  return { ...shared(without(node, ["default"])), anyOf: types.map((type) => ({ ...next({ ...without(node, ["default"]), type }), "x-switcherTitle": humanized(type) })) };
}

function nullable(drawn) {
  if (NUMBERS.includes(drawn.type)) return { ...without(drawn, ["default"]), type: [drawn.type, "null"], "x-format": "number-nullable" };
  if (drawn.type === "string" && drawn.enum) {
    const titles = drawn["x-enumTitles"].filter((_, index) => drawn.enum[index] !== "");
    const values = drawn.enum.filter((value) => value !== "");
    return { ...without(drawn, ["default"]), type: ["string", "null"], "x-format": "select-nullable", enum: [null, ...values], "x-enumTitles": [t("None"), ...titles] };
  }
  if (drawn.type === "string") return { ...without(drawn, ["default", "minLength"]), type: ["string", "null"], "x-format": "text-nullable" };
  const { title, description, ...form } = drawn;
  return { title, description, anyOf: [{ type: "null", title, "x-switcherTitle": t("None"), "x-titleHidden": true }, { ...form, title, "x-switcherTitle": t("Set") }] };
}

function byType(node, type, choices, next) {
  if (type === "object") return object(node, next);
  if (type === "array") return array(node, choices, next);
  if (type === "boolean") return { type, "x-format": "checkbox" };
  if (NUMBERS.includes(type)) {
    const titles = node.enum ? { "x-enumTitles": node.enum.map(String) } : {};
    // Without a default it begins empty: else a new multiplier would begin with 0.
    const first = node.default === undefined ? { default: null } : {};
    return { type, ...first, ...kept(node, ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "enum"]), ...titles };
  }
  return text(node, choices);
}

function text(node, choices) {
  if (constant(node) !== null) return { type: "string", const: constant(node), default: constant(node), "x-hidden": true };
  const known = choices[node["x-ref"]];
  // Where the bot has sent no roles or channels at all, ids can still be typed in.
  if (known?.length) {
    return { type: "string", enum: ["", ...known.map(({ id }) => id)], "x-enumTitles": [node["x-ref"] === "role" ? t("Choose a role…") : t("Choose a channel…"), ...known.map(({ name }) => name)] };
  }
  if (node.enum) return { type: "string", enum: node.enum, "x-enumTitles": node.enum.map((value) => choiceName(node, value)) };
  const format = INPUT_TYPES[node.format] ?? ((node.maxLength ?? 0) > LONG_TEXT ? "textarea" : "text");
  return { type: "string", "x-format": format, ...kept(node, ["minLength", "maxLength", "pattern"]) };
}

/** A value that can be chosen, in words. */
function choiceName(node, value) {
  const known = CHOICES.find((each) => Object.keys(each).toSorted().join() === node.enum.toSorted().join());
  return known?.[value] ?? humanized(value);
}

function array(node, choices, next) {
  // The list's own description says enough of what its items are.
  const { description: _, ...items } = next({ title: "Value", ...node.items });
  const bounds = kept(node, ["minItems", "maxItems"]);
  if (items.type === "string" && items.enum && node.items?.["x-ref"]) {
    const offered = items.enum.filter((value) => value !== "");
    return { type: "array", uniqueItems: true, ...bounds, items: { ...items, enum: offered, "x-enumTitles": items["x-enumTitles"].slice(1) } };
  }
  return { type: "array", ...bounds, items: { ...items, "x-titleHidden": items.type === "object" || items.type === "string" } };
}

function object(node, next) {
  const properties = {};
  for (const [name, property] of Object.entries(node.properties ?? {})) {
    const drawn = next({ title: humanized(name), ...property });
    properties[name] = property["x-order"] === undefined ? drawn : { ...drawn, "x-propertyOrder": property["x-order"] };
  }
  const extra = node.additionalProperties;
  const more = extra === undefined || extra === true ? {} : { additionalProperties: typeof extra === "object" ? entry(next(extra)) : extra };
  return { type: "object", properties, ...kept(node, ["required"]), ...more };
}

/** A member whose name is a person's choice: its name is its title, and it can be taken away. */
function entry(drawn) {
  return { ...drawn, "x-entry": true, "x-buttons": [{ label: t("Remove"), event: { name: "remove" } }] };
}

/** A type where the schema leaves it to the values. */
function typeOf(node) {
  if (node.type !== undefined) return node.type;
  const values = node.enum ?? ("const" in node ? [node.const] : null);
  if (values?.every((value) => typeof value === "number")) return "number";
  if (values?.every((value) => typeof value === "boolean")) return "boolean";
  if (node.properties) return "object";
  return node.items ? "array" : "string";
}

/** The only value that it can have; null where there are more. */
function constant(node) {
  if (typeof node.const === "string") return node.const;
  return node.enum?.length === 1 && typeof node.enum[0] === "string" ? node.enum[0] : null;
}

function shared(node) {
  const drawn = { title: escaped(t(node.title ?? "Value")) };
  if (node.description) drawn.description = escaped(quoted(t(node.description)));
  if (node.default !== undefined && node.default !== null) drawn.default = node.default;
  if (node.readOnly) drawn.readOnly = true;
  return drawn;
}

/** A text as HTML that shows it, with nothing in it for the library to fill in. */
export function escaped(text) {
  return String(text).replace(/[&<>{}"']/g, (character) => `&#${character.codePointAt(0)};`);
}

const without = (node, names) => Object.fromEntries(Object.entries(node).filter(([name]) => !names.includes(name)));
const kept = (node, names) => Object.fromEntries(Object.entries(node).filter(([name]) => names.includes(name)));
