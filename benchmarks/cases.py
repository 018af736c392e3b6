"""What is compared, by whom, and what is to be reached."""

import random
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from benchmarks.events import batches, of_everybody, singles, with_names
from benchmarks.measure import Case, Figure, Lane, Ratio
from benchmarks.seed import GUILDS, MILLION, SMALL, Place, user
from benchmarks.servers import Side, call

SETTINGS_GUILDS = 64
FIRST_SETTINGS_GUILD = 81384788765712384
SETTINGS_PATH = f"/v1/guilds/{FIRST_SETTINGS_GUILD}/settings/leveling"

OURS, THEIRS = "guildhall", "yardstick"

FIGURES: tuple[Figure, ...] = ("p99", "cpu", "database_cpu", "all_cpu", "wal")

_MILLION = "POST activity of random members of one guild of 1,000,000, with 5 achievements"

T = TypeVar("T")


class _Item(msgspec.Struct):
    rank: int
    user_id: str
    value: int


class _Board(msgspec.Struct):
    member_count: int
    items: list[_Item]


class _Page(msgspec.Struct):
    items: list[_Item]
    next_cursor: str


class _Profile(msgspec.Struct):
    xp: int
    level: int
    rank: int
    member_count: int


class _Counted(msgspec.Struct):
    accepted: int
    duplicates: int


def headers(key: str) -> str:
    return f"Host: bench\r\nAuthorization: Bearer {key}\r\n"


def settings_cases(key: str, guildhall: Side, bare: Side) -> list[Case]:
    """Settings against a bare Litestar handler that answers the same bytes."""
    head = headers(key)

    def patches(path: Callable[[int], str]) -> list[str]:
        return [_patch(path(n), head, n) for n in range(640)]

    ratios = [Ratio(OURS, "bare"), Ratio(OURS, "bare", figure="p99")]
    return [
        Case(
            "settings-get",
            "GET settings/leveling, with a key",
            32,
            [
                _lane("bare", bare, [_get("/bytes", head)]),
                _lane(OURS, guildhall, [_get(SETTINGS_PATH, head)]),
            ],
            ratios,
        ),
        Case(
            "settings-patch",
            "PATCH one value, with history and audit",
            32,
            [
                _lane("bare", bare, patches(lambda n: f"/row/{1 + n % SETTINGS_GUILDS}")),
                _lane(
                    OURS,
                    guildhall,
                    patches(
                        lambda n: f"/v1/guilds/{FIRST_SETTINGS_GUILD + n % SETTINGS_GUILDS}/settings/leveling",
                    ),
                ),
            ],
            ratios,
        ),
    ]


def board_case(key: str, guildhall: Side, yardstick: Side, places: list[Place]) -> Case:
    """Pages of a board of a million. Both sides must give the same."""
    board = f"/v1/guilds/{GUILDS.million}/leaderboard?limit=50"
    first = [_get(board, headers(key))]
    deep = {OURS: list[str](), THEIRS: list[str]()}
    for ours, theirs in _deep_cursors(key, guildhall, places):
        deep[OURS].append(_get(f"{board}&cursor={ours}", headers(key)))
        deep[THEIRS].append(_get(f"{board}&cursor={theirs}", headers(key)))
    for requests in ({OURS: first, THEIRS: first}, deep):
        _same(_answer(side, key, requests[side.name][0], _Board) for side in (guildhall, yardstick))
    return Case(
        "board",
        "GET leaderboard of 1,000,000, the first page and pages 500,000 deep",
        32,
        [
            _lane("yardstick, first", yardstick, first),
            _lane("guildhall, first", guildhall, first),
            _lane("yardstick, deep", yardstick, deep[THEIRS]),
            _lane("guildhall, deep", guildhall, deep[OURS]),
        ],
        [
            Ratio("guildhall, first", "yardstick, first", "≥ 0.8"),
            Ratio("guildhall, deep", "yardstick, deep", "≥ 0.8"),
            Ratio("guildhall, first", "guildhall, deep", "within 1.3"),
        ],
    )


def profile_case(key: str, guildhall: Side, yardstick: Side) -> Case:
    """Profiles with their ranks. Both sides must give the same."""
    dice = random.Random(3)  # noqa: S311
    of_million = _profiles(key, GUILDS.million, [dice.randrange(MILLION) for _ in range(2000)])
    of_small = _profiles(key, GUILDS.small, range(SMALL))
    for request in of_million[:5] + of_small[:5]:
        _same(_answer(side, key, request, _Profile) for side in (guildhall, yardstick))
    return Case(
        "profile",
        "GET a member's profile with the rank",
        32,
        [
            _lane("yardstick, of 1,000", yardstick, of_small),
            _lane("guildhall, of 1,000,000", guildhall, of_million),
            _lane("guildhall, of 1,000", guildhall, of_small),
            _lane("yardstick, of 1,000,000", yardstick, of_million),
        ],
        [
            Ratio("guildhall, of 1,000,000", "yardstick, of 1,000", "≥ 0.5"),
            Ratio("guildhall, of 1,000", "guildhall, of 1,000,000", "≤ 3"),
            Ratio("yardstick, of 1,000,000", "yardstick, of 1,000"),
        ],
    )


def activity_cases(key: str, guildhall: Side, yardstick: Side) -> list[Case]:
    """Events: one a request from many connections, and batches. Both sides must count each once."""
    head = headers(key)
    request = batches(head, 100)(0)[0]
    for expected in (_Counted(100, 0), _Counted(0, 100)):
        for side in (guildhall, yardstick):
            _same([_answer(side, key, request, _Counted), expected])

    def case(name: str, title: str, connections: int, requests: Callable[[int], list[str]], goal: str) -> Case:
        lanes = [Lane(side.name, side, requests) for side in (yardstick, guildhall)]
        ratios = [Ratio(OURS, THEIRS, goal)]
        ratios += [Ratio(OURS, THEIRS, figure=figure) for figure in FIGURES]
        return Case(name, title, connections, lanes, ratios, warm_up=3.0)

    return [
        case("single", "POST activity, one event a request", 64, singles(head), "≥ 1.6"),
        case("batch100", "POST activity, 100 events a request", 8, batches(head, 100), "≥ 0.75"),
        case("batch1000", "POST activity, 1000 events a request", 8, batches(head, 1000), "≥ 0.75"),
        case("million", f"{_MILLION}, one event a request", 64, of_everybody(head, 1), "≥ 1.3"),
        case("million100", f"{_MILLION}, 100 events a request", 8, of_everybody(head, 100), "≥ 0.75"),
        case("million1000", f"{_MILLION}, 1000 events a request", 8, of_everybody(head, 1000), "≥ 0.75"),
    ]


def name_cases(key: str, guildhall: Side) -> list[Case]:
    """Events with the names of their member, as an example bot sends them, against events that do not."""
    head = headers(key)
    lanes = {size: (batches(head, size), with_names(head, size)) for size in (1, 100)}
    return [
        Case(
            f"names{size}",
            f"POST activity, {size} events a request, with the names that are remembered and without",
            connections,
            [Lane("no names", guildhall, lanes[size][0]), Lane("names", guildhall, lanes[size][1])],
            [Ratio("names", "no names", "≥ 0.97"), Ratio("names", "no names", figure="all_cpu")],
            warm_up=4.0,
        )
        for size, connections in ((1, 64), (100, 8))
    ]


def _answer(side: Side, key: str, request: str, kind: type[T]) -> T:
    """The answer to a request as it stands on the wire."""
    head, _, body = request.partition("\r\n\r\n")
    method, path, _ = head.split(" ", 2)
    return msgspec.json.decode(call(side, key, method, path, body.encode() or None), type=kind)


def _same(answers: Iterable[object]) -> None:
    first, *others = answers
    for other in others:
        assert first == other, f"{first} is not {other}"


def _deep_cursors(key: str, guildhall: Side, places: list[Place]) -> list[tuple[str, str]]:
    """Cursors to the same pages, ours and the yardstick's, each some places deeper."""
    by_user = {str(place.user_id): place for place in places}
    cursors = []
    for place in places[50:-50:50]:
        path = f"/v1/guilds/{GUILDS.million}/leaderboard?limit=50&around={place.user_id}"
        page = msgspec.json.decode(call(guildhall, key, "GET", path), type=_Page)
        last = by_user[page.items[-1].user_id]
        theirs = msgspec.msgpack.encode((last.xp, last.user_id, last.rank, last.place))
        cursors.append((page.next_cursor, urlsafe_b64encode(theirs).decode()))
    return cursors


def _profiles(key: str, guild: int, numbers: Sequence[int]) -> list[str]:
    return [_get(f"/v1/guilds/{guild}/members/{user(number)}", headers(key)) for number in numbers]


def _lane(name: str, side: Side, requests: list[str]) -> Lane:
    return Lane(name, side, lambda _round: requests)


def _get(path: str, head: str) -> str:
    return f"GET {path} HTTP/1.1\r\n{head}\r\n"


def _patch(path: str, head: str, number: int) -> str:
    body = f'{{"cooldown_seconds": {number % 3600}}}'
    return f"PATCH {path} HTTP/1.1\r\n{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
