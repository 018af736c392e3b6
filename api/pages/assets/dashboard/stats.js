/** The stats that a guild's bot counts beside the built-in ones. */

import { all, guildPath } from "./api.js";

export const customStats = async (guild) => (await all(guildPath(guild.id, "/stats"))).map((item) => item.stat);
