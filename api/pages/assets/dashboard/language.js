/** Texts, numbers and dates in the reader's language. The English text is the key; a catalog has its translation. */

const COOKIE = "guildhall_language";
const YEAR_SECONDS = 365 * 24 * 3600;

/** The language of the texts, as the server has chosen it. */
export const LANGUAGE = document.documentElement.lang;

// Modules have texts at their top level, too: they wait until the catalog is here.
const { messages, plurals } = await catalog();

async function catalog() {
  const place = document.getElementById("catalog");
  const found = place && (await fetch(place.href).then((answer) => answer.json(), () => null));
  return found ?? { messages: {}, plurals: "" };
}

/** A text. `values`: what stands for each `{name}` in it. */
export function t(english, values = {}) {
  return filled(formsOf(english) ?? english, values);
}

/** A text at a place where it is not shown yet: `t` translates it there. */
export const later = (english) => english;

/** One of two texts, by a number, for which `{count}` stands. A language may have more forms, or one. */
export function tn(one, many, count, values = {}) {
  const forms = formsOf(one);
  const text = forms === null ? (count === 1 ? one : many) : forms[Number(plurals[count < 200 ? count : 100 + (count % 100)])];
  return filled(text, { count: number(count), ...values });
}

/** A text as nodes. `nodes`: what stands for each `{name}` in it, an element or a text. */
export function rich(english, nodes) {
  return (formsOf(english) ?? english).split(/\{(\w+)\}/).map((part, place) => (place % 2 === 1 ? nodes[part] : part));
}

const formsOf = (english) => (Object.hasOwn(messages, english) ? messages[english] : null);
const filled = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => (Object.hasOwn(values, name) ? values[name] : all));

/** Takes another language, for a year. Its texts come with the next page. */
export function chooseLanguage(tag) {
  document.cookie = `${COOKIE}=${tag}; path=/; max-age=${YEAR_SECONDS}; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
}

let locale = localeOf(navigator.language);
let numbers = new Intl.NumberFormat(locale);

/** Numbers and dates are written as in the guild's country, if its language is the reader's; else as in the reader's. */
export function useLocale(guildLocale) {
  locale = localeOf(guildLocale ?? navigator.language, navigator.language);
  numbers = new Intl.NumberFormat(locale);
}

function localeOf(...tags) {
  const isOurs = (tag) => tag.split("-")[0].toLowerCase() === LANGUAGE.split("-")[0] && Intl.NumberFormat.supportedLocalesOf(tag).length > 0;
  return tags.find(isOurs) ?? LANGUAGE;
}

export const number = (value) => numbers.format(value);
export const percent = (share) => new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 }).format(share);

/** A date in the reader's timezone, or in `timeZone`; in UTC where this browser does not know that. */
export function date(value, options) {
  try {
    return new Intl.DateTimeFormat(locale, options).format(value);
  } catch {
    return new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" }).format(value);
  }
}

/** `a, b and c`. */
export const joined = (texts, type = "conjunction") => new Intl.ListFormat(LANGUAGE, { type }).format(texts);
