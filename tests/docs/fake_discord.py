"""As much of discord.py and discord.js as the bots in docs/clients.md touch."""

from types import ModuleType, SimpleNamespace

GUILD_ID = 197038439483310086

# discord.js in Node: a client that joins a guild, is asked for the cooldown, and leaves.
DISCORD_JS = """
import { EventEmitter } from "node:events";
export const Events = { ClientReady: "ready", GuildCreate: "join", GuildUpdate: "update", GuildDelete: "leave",
  InteractionCreate: "interaction", Error: "error" };
export const GatewayIntentBits = { Guilds: 1 };
export class Client extends EventEmitter {
  guilds = { cache: new Map() };
  async login(token) {
    if (token !== "a token") throw new Error("no token");
    const guild = { id: "197038439483310086", name: "Discord Testers", icon: "f64c482b807da4f539cff778d174971c",
      ownerId: "73193882359173120", preferredLocale: "en-GB" };
    this.guilds.cache.set(guild.id, { ...guild, name: "Old name" });
    this.emit(Events.ClientReady);
    await this.settled(guild.id, (answer) => answer.name === "Old name");
    this.emit(Events.GuildUpdate, null, guild);
    await this.settled(guild.id, (answer) => answer.name === "Discord Testers");
    const reply = new Promise((resolve) => this.emit(Events.InteractionCreate, { commandName: "cooldown",
      guildId: guild.id, isChatInputCommand: () => true, reply: async (text) => resolve(text) }));
    console.log(await reply);
    this.emit(Events.GuildDelete, guild);
    await this.settled(guild.id, (answer) => answer.status === 404);
    this.emit(Events.GuildCreate, guild);
  }
  async settled(id, matches) {
    const { GUILDHALL_URL, GUILDHALL_KEY } = process.env;
    const headers = { Authorization: `Bearer ${GUILDHALL_KEY}` };
    for (let tries = 0; tries < 200; tries++) {
      const answer = await (await fetch(`${GUILDHALL_URL}/v1/guilds/${id}`, { headers })).json();
      if (matches(answer)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error("nothing happened");
  }
}
"""


class Client:
    """Keeps the bot that the snippet made, for the test to play Discord to it."""

    made: "Client"
    token: str

    def __init__(self, *, intents: SimpleNamespace) -> None:
        assert intents.message_content
        self.guilds: list[SimpleNamespace] = []
        Client.made = self

    def run(self, token: str) -> None:
        self.token = token


def discord_py() -> ModuleType:
    """A stand-in for the module `discord`."""
    module = ModuleType("discord")
    members = {
        "Client": Client,
        "Guild": SimpleNamespace,
        "Message": SimpleNamespace,
        "Intents": SimpleNamespace(default=lambda: SimpleNamespace(message_content=False)),
    }
    vars(module).update(members)
    return module


def guild(name: str = "Discord Testers") -> SimpleNamespace:
    """A guild as discord.py has it."""
    return SimpleNamespace(
        id=GUILD_ID,
        name=name,
        icon=SimpleNamespace(key="f64c482b807da4f539cff778d174971c"),
        owner_id=73193882359173120,
        preferred_locale="en-GB",
    )
