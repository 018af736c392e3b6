"""Requests to `POST …/activity`, as bytes on the wire. Where an event's id counts requests the load
generator puts the number in.

Ids are as bots send them: a message has its snowflake, everything else a text."""

import random
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import accumulate

import msgspec

from benchmarks.load import NUMBER
from benchmarks.seed import BUSY_MEMBERS, GUILDS, MILLION, user

CHANNELS = [781384788765712384 + number * 4_194_319 for number in range(20)]
ACTIVE = 2_000  # members of a busy guild who are about
_WEIGHTS = list(accumulate((number + 1) ** -1.15 for number in range(ACTIVE)))
_PEOPLE = range(0, BUSY_MEMBERS, BUSY_MEMBERS // ACTIVE)
BATCHES = 72  # different requests of a round; eight connections, a ninth of them apart, are in eight guilds

_USER_ID = re.compile(r'"user_id":"(\d+)"')

Dice = Callable[[random.Random], int]  # picks a member's number


def request(path: str, headers: str, body: str) -> str:
    length = len(body.encode())
    return f"POST {path} HTTP/1.1\r\n{headers}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"


def singles(headers: str, guilds: Sequence[int] = GUILDS.busy) -> Callable[[int], list[str]]:
    """One message a request, each of another member, all over the busy guilds; in the next round others."""
    members = [(guild, user(number)) for guild in guilds for number in range(BUSY_MEMBERS)]
    random.Random(2).shuffle(members)  # noqa: S311
    share = 25_000

    @lru_cache(1)  # both sides get the same
    def make(number: int) -> list[str]:
        at = _text(datetime.now(UTC))
        first = number * share % (len(members) - share)
        return [
            request(
                f"/v1/guilds/{guild}/activity",
                headers,
                f'{{"events":[{{"id":"1{NUMBER}000","type":"message","user_id":"{member}",'
                f'"channel_id":"{CHANNELS[member % 20]}","occurred_at":"{at}"}}]}}',
            )
            for guild, member in members[first : first + share]
        ]

    return make


def active_singles(headers: str, guilds: Sequence[int]) -> Callable[[int], list[str]]:
    """One message a request, of those who are about, as in `batches`: the same people in every round."""

    @lru_cache(1)
    def make(number: int) -> list[str]:
        dice = random.Random(number)  # noqa: S311
        now = datetime.now(UTC)
        return [
            request(f"/v1/guilds/{guilds[n % len(guilds)]}/activity", headers, batch(dice, now, 1))
            for n in range(20_000)
        ]

    return make


def first_words(prefix: str) -> list[bytes]:
    """A message of each member who is about, as bodies of a thousand events each."""
    at = _text(datetime.now(UTC))
    events = [
        {"id": f"{prefix}-{number}", "type": "message", "user_id": str(user(number)), "occurred_at": at}
        for number in _PEOPLE
    ]
    return [msgspec.json.encode({"events": events[first : first + 1000]}) for first in range(0, len(events), 1000)]


def batches(headers: str, size: int, guilds: Sequence[int] = GUILDS.busy) -> Callable[[int], list[str]]:
    """Many events of one guild's last minutes: some members say much, most say little; about 300 different
    ones among 1000 events."""
    return _requests(headers, size, guilds, BATCHES, _regular)


def with_names(headers: str, size: int) -> Callable[[int], list[str]]:
    """As `batches`, and each event has the names of its member, the same ones every time."""

    @lru_cache(1)
    def make(number: int) -> list[str]:
        return [_named(each, headers) for each in batches(headers, size)(number)]

    return make


def _named(bare: str, headers: str) -> str:
    path, body = bare.split(" ", 2)[1], bare.partition("\r\n\r\n")[2]
    return request(path, headers, _USER_ID.sub(_with_user, body))


def _with_user(found: re.Match[str]) -> str:
    number = int(found[1]) // 4_194_304 % 100_000
    return (
        f'{found[0]},"user":{{"username":"member.{number}","display_name":"Member {number}",'
        f'"avatar":"a_{int(found[1]):032x}"}}'
    )


def of_everybody(headers: str, size: int) -> Callable[[int], list[str]]:
    """Events of random members of the guild of a million: hardly anybody is met twice."""
    return _requests(headers, size, [GUILDS.million], max(BATCHES, 20_000 // size), _anybody)


def _requests(headers: str, size: int, guilds: Sequence[int], different: int, pick: Dice) -> Callable[[int], list[str]]:
    @lru_cache(1)  # both sides get the same
    def make(number: int) -> list[str]:
        dice = random.Random(size * 1000 + number)  # noqa: S311
        now = datetime.now(UTC)
        return [
            request(f"/v1/guilds/{guilds[n % len(guilds)]}/activity", headers, batch(dice, now, size, pick))
            for n in range(different)
        ]

    return make


def _regular(dice: random.Random) -> int:
    """One of those who are about."""
    return dice.choices(_PEOPLE, cum_weights=_WEIGHTS)[0]


def _anybody(dice: random.Random) -> int:
    return dice.randrange(MILLION)


def batch(dice: random.Random, now: datetime, size: int, pick: Dice = _regular) -> str:
    return '{"events":[' + ",".join(_event(dice, now, index, user(pick(dice))) for index in range(size)) + "]}"


def _event(dice: random.Random, now: datetime, index: int, member: int) -> str:
    at = _text(now - timedelta(seconds=dice.random() * 300))
    event: dict[str, object] = {
        "id": f"1{NUMBER}{index:03}",
        "type": "message",
        "user_id": str(member),
        "channel_id": str(dice.choice(CHANNELS)),
        "occurred_at": at,
    }
    luck = dice.random()
    if luck < 0.10:
        event |= {"type": "reaction", "id": f"reaction-1{NUMBER}{index:03}"}
    elif luck < 0.17:
        event |= {"type": "voice", "id": f"voice-1{NUMBER}{index:03}", "seconds": dice.randint(1, 600)}
    elif luck < 0.20:
        event |= {"type": "command", "id": f"command-1{NUMBER}{index:03}", "name": "rank"}
    return msgspec.json.encode(event).decode()


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
