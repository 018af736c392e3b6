// Plays Discord to the example bot: `node --import play_discord.mjs bot_discordjs.mjs`. Everything but Discord is real:
// discord.js makes its own objects of what the gateway would send. Prints what the bot told Discord.
import { Client, Events, SnowflakeUtil, Status } from "discord.js";

const { GUILDHALL_URL, GUILDHALL_KEY, PLAY } = process.env;
const { guild, me, message, command } = JSON.parse(PLAY);
const path = `/v1/guilds/${guild.id}`;
const told = { commands: [], said: [], roles: [], pictures: [] };

// The server answers the first two requests for a card like one without pictures, and like one that is busy.
const [cardless, really] = [[501, 503], fetch];
globalThis.fetch = async (address, ...more) =>
  cardless.length > 0 && String(address).endsWith("/card.png") ? new Response("{}", { status: cardless.shift() }) : really(address, ...more);

async function ask(method, address, body) {
  const headers = { Authorization: `Bearer ${GUILDHALL_KEY}`, "Content-Type": "application/json" };
  return fetch(GUILDHALL_URL + address, { method, headers, body: JSON.stringify(body) });
}

async function until(condition) {
  for (let tries = 0; tries < 1500; tries++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`it did not come to pass: ${condition}`);
}

async function play(client) {
  const shard = { id: 0, checkReady() {} };
  const hear = (t, d) => client.ws.handlePacket({ t, d }, shard);
  const write = (content) => {
    const now = new Date();
    hear("MESSAGE_CREATE", { ...message, id: `${SnowflakeUtil.generate({ timestamp: now })}`, content, timestamp: now.toISOString() });
  };
  client.rest.post = async (route, { body }) => {
    if (route.startsWith("/interactions/")) return { interaction: { id: "1", type: 2 } };
    told.said.push(body.content);
    return { ...message, id: `${SnowflakeUtil.generate()}`, author: me, content: body.content };
  };
  client.rest.put = async (_route, { body }) => {
    told.commands.push(...body.map((each) => each.name));
    return body.map((each) => ({ ...each, id: `${SnowflakeUtil.generate()}`, application_id: me.id, version: "1", options: [] }));
  };
  client.rest.patch = async (route, { body, files = [] }) => {
    if (route.startsWith("/webhooks/")) {
      const described = body.attachments?.map((each) => each.description) ?? [];
      for (const { name, data } of files) told.pictures.push([name, data.toString("base64"), ...described]);
      if (files.length === 0) told.said.push(body.content);
      return { ...message, id: `${SnowflakeUtil.generate()}`, author: me, content: body.content ?? "" };
    }
    told.roles.push(...body.roles);
    return { ...message.member, user: message.author, roles: body.roles };
  };
  hear("READY", { v: 10, user: me, guilds: [], application: { id: me.id, flags: 0 }, session_id: "1", shard: [0, 1] });
  client.ws.status = Status.Ready;
  client.emit(Events.ClientReady, client);
  hear("GUILD_CREATE", guild);
  await until(async () => (await (await ask("GET", path)).json()).name === guild.name);
  const rewards = { role_rewards: [{ level: 2, role_id: guild.roles[1].id }], xp_per_message: { min: 300, max: 300 } };
  await ask("PATCH", `${path}/settings/leveling`, rewards);
  write("hello");
  await until(() => told.said.length === 1 && told.roles.length > 0);
  for (const answered of [2, 3, 4]) {
    hear("INTERACTION_CREATE", { ...command, id: `${SnowflakeUtil.generate()}` });
    await until(() => told.said.length + told.pictures.length === answered);
  }
  hear("GUILD_DELETE", { id: guild.id });
  await until(async () => (await ask("GET", path)).status === 404);
  console.log(JSON.stringify(told));
  process.exit(0);
}

Client.prototype.login = async function login(token) {
  this.token = token;
  play(this).catch((error) => {
    console.error(error);
    process.exit(1);
  });
  return token;
};
