/** Pages of members, by name or by a stat. */

import { get, guildPath } from "./api.js";
import { t } from "./language.js";
import { STATS, statName } from "./words.js";

export const BY_NAME = ""; // no stat is called so

/** How members can be sorted, by the stat's name. A search is always by name. */
export const sortsOf = (customs) => ({ [BY_NAME]: t("Name"), ...STATS, ...Object.fromEntries(customs.map((stat) => [stat, statName(stat)])) });

/** One page: `{items, next_cursor}` of profiles. */
export async function membersBy(sort, { guild, search, limit, cursor }) {
  const path = guildPath(guild.id, "/members");
  if (sort === BY_NAME || search !== "") return (await get(path, { search, limit, cursor })).body;
  const { body: board } = await get(guildPath(guild.id, "/leaderboard"), { stat: sort, limit, cursor });
  if (board.items.length === 0) return board;
  const { body } = await get(path, { ids: board.items.map((entry) => entry.user_id).join(","), limit });
  const profiles = new Map(body.items.map((member) => [member.user_id, member]));
  const items = board.items.map((entry) => profiles.get(entry.user_id)).filter(Boolean);
  return { items, next_cursor: board.next_cursor };
}
