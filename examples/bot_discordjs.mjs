// A small bot that levels members with Guildhall. It reports guilds and messages, announces levels, gives their roles, and
// answers /rank with the rank card. It needs no privileged intent. Run it in a folder that has discord.js and the client
// of clients/typescript (docs/clients.md):  GUILDHALL_URL=… GUILDHALL_KEY=gh_… DISCORD_TOKEN=… node bot_discordjs.mjs
import { Client, Events, GatewayIntentBits } from "discord.js";
import { Batcher, Guildhall, Problem } from "guildhall-client";
import { FileSpool } from "guildhall-client/node";

const { GUILDHALL_URL = "http://127.0.0.1:8000", GUILDHALL_KEY = "", DISCORD_TOKEN = "" } = process.env;

const guildhall = new Guildhall(GUILDHALL_URL, GUILDHALL_KEY);
const client = new Client({ intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages] });

/** Messages, sent every second. While Guildhall is away, or the bot restarts, they wait in a file. */
const batcher = await Batcher.start(guildhall, {
  spool: new FileSpool("guildhall.spool"),
  answered: async (guildId, { level_ups: levelUps }) => {
    for (const level of levelUps) await celebrate(guildId, level);
  },
});

/** @param {import("discord.js").Guild} guild */
const put = (guild) =>
  guildhall.putGuild(guild.id, {
    name: guild.name,
    icon: guild.icon,
    owner_id: guild.ownerId,
    locale: guild.preferredLocale,
  });

/**
 * Posts Guildhall's announcement, and updates the member's roles.
 * @param {string} guildId
 * @param {import("guildhall-client").LevelUp} level
 */
async function celebrate(guildId, level) {
  const { announce, role_rewards: roles, user_id: userId } = level;
  const guild = client.guilds.cache.get(guildId);
  const channel = announce.channel_id === null ? undefined : guild?.channels.cache.get(announce.channel_id);
  if (channel?.isTextBased() && announce.text !== null) await channel.send(announce.text);
  if (guild === undefined || roles.add.length + roles.remove.length === 0) return;
  const member = await guild.members.fetch(userId);
  if (roles.add.length > 0) await member.roles.add(roles.add);
  if (roles.remove.length > 0) await member.roles.remove(roles.remove);
}

/**
 * Answers with the rank card, described by a text. If the server draws no pictures (501), or is too busy (503), it
 * answers with the text alone.
 * @param {import("discord.js").ChatInputCommandInteraction<"raw" | "cached">} asked
 */
async function showRank(asked) {
  await asked.deferReply();
  const member = await guildhall.member(asked.guildId, asked.user.id);
  if (member === null) return asked.editReply("Nothing yet.");
  const text = `Level ${member.level}, rank ${member.rank ?? "unknown"}`;
  try {
    const card = Buffer.from(await guildhall.cards.member(asked.guildId, asked.user.id, { patienceMs: 0 }));
    return await asked.editReply({ files: [{ attachment: card, name: "rank.png", description: text }] });
  } catch (error) {
    if (error instanceof Problem && [501, 503].includes(error.status)) return asked.editReply(text);
    throw error;
  }
}

/** A handler whose failure is logged and harms nothing else. @param {(...given: any[]) => Promise<unknown>} handler */
const safely = (handler) => (/** @type {any[]} */ ...given) => {
  handler(...given).catch(console.error);
};

client.on(Events.GuildCreate, safely(put));
client.on(Events.GuildUpdate, safely((_, guild) => put(guild)));
client.on(Events.GuildDelete, safely((guild) => guildhall.deleteGuild(guild.id)));
client.once(
  Events.ClientReady,
  safely(async () => {
    await client.application?.commands.set([{ name: "rank", description: "Your rank card", contexts: [0] }]);
    await Promise.all(client.guilds.cache.map(put));
  }),
);
client.on(Events.MessageCreate, (message) => {
  const { author, member } = message;
  if (!message.inGuild() || author.bot) return;
  batcher.add(message.guildId, {
    type: "message",
    id: message.id,
    user_id: author.id,
    channel_id: message.channelId,
    role_ids: [...(member?.roles.cache.keys() ?? [])],
    occurred_at: message.createdAt.toISOString(),
    user: { username: author.username, display_name: member?.displayName ?? author.displayName, avatar: author.avatar },
  });
});
client.on(
  Events.InteractionCreate,
  safely(async (/** @type {import("discord.js").Interaction} */ asked) => {
    if (asked.isChatInputCommand() && asked.commandName === "rank" && asked.inGuild()) await showRank(asked);
  }),
);

await client.login(DISCORD_TOKEN);
