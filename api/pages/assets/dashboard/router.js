/** Addresses of the dashboard: `#/guilds/1/board?stat=messages`. Links, bookmarks and the back button do the rest. */

const ROUTES = [
  ["guilds", /^\/$/],
  ["sessions", /^\/sessions$/],
  ["overview", /^\/guilds\/(?<guild>[1-9]\d{0,18})\/overview$/],
  ["board", /^\/guilds\/(?<guild>[1-9]\d{0,18})\/board$/],
  ["members", /^\/guilds\/(?<guild>[1-9]\d{0,18})\/members$/],
  ["member", /^\/guilds\/(?<guild>[1-9]\d{0,18})\/members\/(?<user>[1-9]\d{0,18})$/],
  ["achievements", /^\/guilds\/(?<guild>[1-9]\d{0,18})\/achievements$/],
  ["achievement", /^\/guilds\/(?<guild>[1-9]\d{0,18})\/new-achievement$/],
  ["achievement", /^\/guilds\/(?<guild>[1-9]\d{0,18})\/achievements\/(?<achievement>[a-z0-9][a-z0-9-]{0,63})$/],
  ["imports", /^\/guilds\/(?<guild>[1-9]\d{0,18})\/imports$/],
  ["import", /^\/guilds\/(?<guild>[1-9]\d{0,18})\/imports\/(?<import>[1-9]\d{0,18})$/],
  ["keys", /^\/guilds\/(?<guild>[1-9]\d{0,18})\/keys$/],
  ["audit", /^\/guilds\/(?<guild>[1-9]\d{0,18})\/audit$/],
  ["webhooks", /^\/guilds\/(?<guild>[1-9]\d{0,18})\/webhooks$/],
  ["webhook", /^\/guilds\/(?<guild>[1-9]\d{0,18})\/webhooks\/(?<webhook>[1-9]\d{0,18})$/],
  ["settings", /^\/guilds\/(?<guild>[1-9]\d{0,18})\/settings$/],
  ["settings", /^\/guilds\/(?<guild>[1-9]\d{0,18})\/settings\/(?<module>[a-z][a-z0-9_]{0,63})$/],
  ["history", /^\/guilds\/(?<guild>[1-9]\d{0,18})\/settings\/(?<module>[a-z][a-z0-9_]{0,63})\/history$/],
];

/** `{name, guild, user, achievement, import, webhook, module, query}` of a fragment; the name is "missing" where there is no such page. */
export function routeOf(fragment) {
  const [path, search = ""] = fragment.replace(/^#/, "").split("?");
  const query = Object.fromEntries(new URLSearchParams(search));
  for (const [name, pattern] of ROUTES) {
    const found = pattern.exec(path || "/");
    if (found) return { name, query, ...found.groups };
  }
  return { name: "missing", query };
}

/** The fragment of a page; members of the query that are null or undefined are left out. */
export function href(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length === 0 ? `#${path}` : `#${path}?${new URLSearchParams(given)}`;
}

export const guildHref = (guild, rest, query) => href(`/guilds/${guild}/${rest}`, query);
