"""What the soak plays on: guilds, people, rules, achievements. All numbers are such that XP can be added up."""

from typing import Any

Json = dict[str, Any]  # Any: JSON

KEEPS, HIDES, RESETS, CLOSES = 101, 102, 103, 104
GUILDS = {KEEPS: "keep", HIDES: "hide", RESETS: "reset", CLOSES: "keep"}

CLIENTS = 5
PEOPLE = 6  # of each client, and nobody else's: what they did is known by one
STANDINGS, HISTORY = 7, 8  # one more of each, whom only files change

XP = {"message": 10, "voice": 1, "reaction": 2, "command": 3, "stat": 0}  # voice: for each ten seconds
LEVELING: Json = {
    "xp_per_message": {"min": 10, "max": 10},
    "xp_per_voice_minute": 6,
    "xp_per_reaction": 2,
    "xp_per_command": 3,
    "cooldown_seconds": 0,
}
BY_HAND, EVERYWHERE = "by-hand", "everywhere"
NEVER = 10**9

Numbers = dict[str, int]


def guild(guild_id: int) -> str:
    return f"/v1/guilds/{guild_id}"


def person(client: int, number: int) -> int:
    return 1000 * (client + 1) + number


def is_of_files(user: int) -> bool:
    return user % 1000 >= STANDINGS


def draft(key: str, stat: str, gte: int, xp: int = 0, **more: object) -> Json:
    within = {"within": more.pop("within")} if "within" in more else {}
    condition = {"stat": stat, "gte": gte, **within}
    return {"key": key, "name": key, "condition": condition, "rewards": {"xp": xp}, "retroactive": True, **more}


DEFINITIONS = [
    draft("talker", "messages", 5, 20),
    draft("chatty", "messages", 15, prerequisites=["talker"]),
    draft("listener", "voice_seconds", 600, 7),
    draft("duelist", "duels", 5, 3),
    draft("busy", "messages", 8, within="7d"),
    draft("daily", "streak", 2, 5),
    draft("risen", "level", 2),
    draft("rich", "xp", 300, 1),
    draft(BY_HAND, "messages", NEVER),
]
OF_ALL = draft(EVERYWHERE, "reactions", 4, 2)
