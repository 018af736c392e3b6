"""A small bot that levels members with Guildhall: pip install discord.py ./clients/python, then
    GUILDHALL_URL=… GUILDHALL_KEY=gh_… DISCORD_TOKEN=… python bot_discordpy.py

It reports guilds and messages to Guildhall, announces levels and gives their roles, and answers `/rank` with the rank
card. Each guild chooses in its settings who sees the card: everybody, or only the member. The bot registers the module
for this setting. It needs no privileged intent."""

import asyncio
import io
import logging
import os

import discord
import msgspec

from guildhall_client import Activity, Batcher, Guildhall, LevelUp, Problem

log = logging.getLogger("bot")

NO_CARD = (501, 503)  # pictures are not installed, or cannot be drawn now

MODULE = "rank_command"
SCHEMA = {
    "type": "object",
    "properties": {
        "private": {"type": "boolean", "default": False, "title": "Show the card only to the member who asked"},
    },
}


class RankCommand(msgspec.Struct):
    """The settings of the module."""

    private: bool


def named(member: discord.Member) -> dict[str, str | None]:
    """A member's names, for leaderboards and level-ups. Guildhall stores them only when they change."""
    return {
        "username": member.name,
        "display_name": member.display_name,
        "avatar": None if member.avatar is None else member.avatar.key,
    }


class Bot(discord.Client):
    def __init__(self, guildhall: Guildhall) -> None:
        intents = discord.Intents(guilds=True, guild_messages=True)
        super().__init__(intents=intents, chunk_guilds_at_startup=False)
        self.guildhall = guildhall
        self.batcher = Batcher(guildhall, self.answered)
        self.private: dict[int, bool] = {}
        in_guilds = discord.app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False)
        self.tree = discord.app_commands.CommandTree(self, allowed_contexts=in_guilds)
        self.tree.command(name="rank", description="Your rank card")(self.show_rank)
        self.following: asyncio.Task[None] | None = None

    async def setup_hook(self) -> None:
        await self.guildhall.put_module(MODULE, SCHEMA, "Rank command")
        await self.tree.sync()
        await self.batcher.__aenter__()
        self.following = asyncio.create_task(self.follow())

    async def close(self) -> None:
        if self.following is not None:
            self.following.cancel()
        if unsent := await self.batcher.close():
            log.warning("%d events were not sent", unsent)
        await super().close()

    # Guilds

    async def put(self, guild: discord.Guild) -> None:
        await self.guildhall.put_guild(
            guild.id,
            guild.name,
            icon=guild.icon.key if guild.icon else None,
            owner_id=str(guild.owner_id),
            locale=str(guild.preferred_locale),
        )

    async def on_ready(self) -> None:
        for guild in self.guilds:
            await self.put(guild)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        await self.put(guild)

    async def on_guild_update(self, _before: discord.Guild, after: discord.Guild) -> None:
        await self.put(after)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        await self.guildhall.delete_guild(guild.id)

    # Messages

    async def on_message(self, message: discord.Message) -> None:
        if message.guild is None or not isinstance(message.author, discord.Member) or message.author.bot:
            return
        self.batcher.add(
            message.guild.id,
            "message",
            message.author.id,
            id=message.id,
            channel_id=str(message.channel.id),
            role_ids=[str(role.id) for role in message.author.roles],
            user=named(message.author),
            occurred_at=message.created_at,
        )

    async def show_rank(self, asked: discord.Interaction) -> None:
        """Answers `/rank` with the card, and the text for whoever cannot see it. The text alone where there is no
        card."""
        guild_id = int(asked.guild_id or 0)  # the command is for guilds only
        await asked.response.defer(ephemeral=await self.is_private(guild_id))
        member = await self.guildhall.member(guild_id, asked.user.id)
        if member is None:
            await asked.followup.send("Nothing yet.")
            return
        text = f"Level {member.level}, rank {member.rank or 'unknown'}"
        try:
            card = await self.guildhall.cards.member(guild_id, asked.user.id, patience=0)
        except Problem as problem:
            if problem.status not in NO_CARD:
                raise
            await asked.followup.send(text)
            return
        await asked.followup.send(file=discord.File(io.BytesIO(card), "rank.png", description=text))

    async def answered(self, guild_id: str, answer: Activity) -> None:
        """What came of messages."""
        for level in answer.level_ups:
            await self.celebrate(int(guild_id), level)

    async def celebrate(self, guild_id: int, level: LevelUp) -> None:
        """Says what Guildhall has put into words, and makes the roles what they should be."""
        guild = self.get_guild(guild_id)
        if guild is None:
            return
        if level.announce.text is not None and level.announce.channel_id is not None:
            channel = guild.get_channel(int(level.announce.channel_id))
            if isinstance(channel, discord.abc.Messageable):
                await channel.send(level.announce.text)
        add, remove = level.role_rewards.add, level.role_rewards.remove
        if add or remove:
            member = guild.get_member(int(level.user_id)) or await guild.fetch_member(int(level.user_id))
            await member.add_roles(*map(discord.Object, map(int, add)))
            await member.remove_roles(*map(discord.Object, map(int, remove)))

    # Settings: read once, and again when the stream reports a change

    async def is_private(self, guild_id: int) -> bool:
        if guild_id not in self.private:
            settings = await self.guildhall.settings(guild_id, MODULE, RankCommand)
            self.private[guild_id] = settings.values.private
        return self.private[guild_id]

    async def follow(self) -> None:
        async for event in self.guildhall.events(types=["settings.updated"]):
            if event.data["guild_id"] is not None:
                self.private.pop(int(event.data["guild_id"]), None)


async def main() -> None:
    discord.utils.setup_logging()
    url, key = os.environ.get("GUILDHALL_URL", "http://127.0.0.1:8000"), os.environ["GUILDHALL_KEY"]
    async with Guildhall(url, key) as guildhall, Bot(guildhall) as bot:
        await bot.start(os.environ["DISCORD_TOKEN"])


if __name__ == "__main__":
    asyncio.run(main())
