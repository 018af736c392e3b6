// A small bot that levels members by Guildhall: npm install discord.js, then
//   GUILDHALL_URL=… GUILDHALL_KEY=gh_… DISCORD_TOKEN=… node bot_discordjs.mjs
// It reports guilds and messages to Guildhall, announces levels and gives their roles, and answers /rank with the rank
// card. It needs no privileged intent.
import { Client, Events, GatewayIntentBits } from "discord.js";

/** @typedef {import("../clients/typescript/src/index.js").Activity} Activity */
/** @typedef {import("../clients/typescript/src/index.js").ActivityEvent} ActivityEvent */
/** @typedef {import("../clients/typescript/src/index.js").LevelUp} LevelUp */
/** @typedef {import("../clients/typescript/src/index.js").Member} Member */

const { GUILDHALL_URL = "http://127.0.0.1:8000", GUILDHALL_KEY = "", DISCORD_TOKEN = "" } = process.env;
const MOST = 50_000; // events that are kept while Guildhall is away

/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * One request, tried again for a minute while the server is away or asks to wait. Gives the answer, null for 404.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
async function guildhall(method, path, body) {
  const headers = { Authorization: `Bearer ${GUILDHALL_KEY}`, "Content-Type": "application/json" };
  for (let wait = 200, ends = Date.now() + 60_000; ; wait = Math.min(wait * 2, 10_000)) {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(GUILDHALL_URL + path, { method, headers, ...sent }).catch(() => null);
    if (answer?.status === 404) return null;
    if (answer?.ok) return answer.status === 204 ? null : answer.json();
    if (answer !== null && answer.status !== 429 && answer.status !== 503) throw new Error(await answer.text());
    const asked = Number(answer?.headers.get("retry-after") ?? 0) * 1000;
    if (Date.now() + Math.max(asked, wait) > ends) throw new Error(`${method} ${path}: nobody answers`);
    await sleep(Math.max(asked, wait));
  }
}

/**
 * A member's rank card, a PNG; null where pictures are not installed (501) or cannot be drawn now (503).
 * @param {string} guildId
 * @param {string} userId
 */
async function card(guildId, userId) {
  const headers = { Authorization: `Bearer ${GUILDHALL_KEY}` };
  const answer = await fetch(`${GUILDHALL_URL}/v1/guilds/${guildId}/members/${userId}/card.png`, { headers });
  if (answer.ok) return Buffer.from(await answer.arrayBuffer());
  if (answer.status !== 501 && answer.status !== 503) throw new Error(await answer.text());
  return null;
}

/** Events that wait, by guild. They have ids: what is sent twice counts once. @type {Map<string, ActivityEvent[]>} */
const waiting = new Map();

/** Sends what waits, a batch of each guild; what could not be sent stays. */
async function flush() {
  for (const [guildId, events] of waiting) {
    const batch = events.slice(0, 500);
    if (batch.length === 0) continue;
    try {
      /** @type {Activity | null} */
      const answer = await guildhall("POST", `/v1/guilds/${guildId}/activity`, { events: batch });
      const sent = new Set(batch);
      waiting.set(guildId, (waiting.get(guildId) ?? []).filter((event) => !sent.has(event)));
      for (const level of answer?.level_ups ?? []) await celebrate(guildId, level);
    } catch (error) {
      console.error("events wait:", error);
    }
  }
}

const client = new Client({
  intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages],
});

/** @param {import("discord.js").Guild} guild */
const put = (guild) =>
  guildhall("PUT", `/v1/guilds/${guild.id}`, {
    name: guild.name,
    icon: guild.icon,
    owner_id: guild.ownerId,
    locale: guild.preferredLocale,
  });

/**
 * Says what Guildhall has put into words, and makes the roles what they should be.
 * @param {string} guildId
 * @param {LevelUp} level
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
 * Answers with the rank card, with the text for whoever cannot see it. With the text alone where there is no card.
 * @param {import("discord.js").ChatInputCommandInteraction<"raw" | "cached">} asked
 */
async function showRank(asked) {
  await asked.deferReply();
  /** @type {Member | null} */
  const member = await guildhall("GET", `/v1/guilds/${asked.guildId}/members/${asked.user.id}`);
  if (member === null) return asked.editReply("Nothing yet.");
  const text = `Level ${member.level}, rank ${member.rank ?? "unknown"}`;
  const picture = await card(asked.guildId, asked.user.id);
  if (picture === null) return asked.editReply(text);
  return asked.editReply({ files: [{ attachment: picture, name: "rank.png", description: text }] });
}

/** A handler whose failure is logged and harms nothing else. @param {(...given: any[]) => Promise<unknown>} handler */
const safely = (handler) => (/** @type {any[]} */ ...given) => {
  handler(...given).catch((error) => console.error(error));
};

client.on(Events.GuildCreate, safely(put));
client.on(Events.GuildUpdate, safely((_, guild) => put(guild)));
client.on(Events.GuildDelete, safely((guild) => guildhall("DELETE", `/v1/guilds/${guild.id}`)));
client.once(
  Events.ClientReady,
  safely(async () => {
    await client.application?.commands.set([{ name: "rank", description: "Your rank card", contexts: [0] }]);
    await Promise.all(client.guilds.cache.map(put));
    for (;;) {
      await sleep(1000);
      await flush();
    }
  }),
);

client.on(
  Events.MessageCreate,
  safely(async (/** @type {import("discord.js").Message} */ message) => {
    if (!message.inGuild() || message.author.bot) return;
    const { author, guildId } = message;
    const events = waiting.get(guildId) ?? [];
    waiting.set(guildId, events);
    if (events.length >= MOST) events.shift();
    events.push({
      type: "message",
      id: message.id,
      user_id: author.id,
      channel_id: message.channelId,
      role_ids: [...(message.member?.roles.cache.keys() ?? [])],
      occurred_at: message.createdAt.toISOString(),
      user: {
        username: author.username,
        display_name: message.member?.displayName ?? author.displayName,
        avatar: author.avatar,
      },
    });
  }),
);

client.on(
  Events.InteractionCreate,
  safely(async (/** @type {import("discord.js").Interaction} */ asked) => {
    if (asked.isChatInputCommand() && asked.commandName === "rank" && asked.inGuild()) await showRank(asked);
  }),
);

await client.login(DISCORD_TOKEN);
