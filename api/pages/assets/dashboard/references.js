/** Names of modules, roles and channels. */

import { get, guildPath } from "./api.js";
import { t } from "./language.js";
import { humanized } from "./words.js";

export const moduleName = (module) => (module.title ? t(module.title) : humanized(module.module));

/** Roles and channels: what can be chosen, and all names by id. What is gone but still named can be kept. */
export async function referencesOf(guild, stale = []) {
  const [roles, channels] = await Promise.all([
    get(guildPath(guild.id, "/roles")).then(({ body }) => body.items),
    get(guildPath(guild.id, "/channels")).then(({ body }) => body.items),
  ]);
  const categories = new Set(channels.filter((channel) => channel.type === 4).map((channel) => channel.id));
  const choices = {
    role: roles.map(({ id, name }) => ({ id, name: `@${name.replace(/^@/, "")}` })),
    channel: channels.map(({ id, name }) => ({ id, name: categories.has(id) ? t("{name} (category)", { name }) : `#${name}` })),
  };
  const names = new Map([...choices.role, ...choices.channel].map(({ id, name }) => [id, name]));
  for (const { kind, id } of stale) {
    if (!names.has(id)) {
      names.set(id, kind === "role" ? t("a role that is gone ({id})", { id }) : t("a channel that is gone ({id})", { id }));
      if (choices[kind]?.length) choices[kind].push({ id, name: t("Gone: {id}", { id }) });
    }
  }
  return { choices, names };
}
