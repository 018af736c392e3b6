"""`make bench`: Guildhall against hand-written servers that do the same, in turn, in one run, one worker each.

`BENCH_ROUNDS` says how many rounds, `BENCH_ONLY` which cases, by their names with commas.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
import urllib.request
from pathlib import Path

import msgspec

from api.postgres.embedded.server import EmbeddedPostgres
from benchmarks import achievements, background, boards, bodies, cards, cases, guilds, overload, people, seed, servers
from benchmarks.measure import ROUNDS, SECONDS, Case, compare

SETTINGS = ["settings-get", "settings-patch"]
ACTIVITY = ["single", "batch100", "batch1000"]
MILLION = ["million", "million100", "million1000"]
NAMES = ["names1", "names100"]
BOARDS = ["board", "profile"]
ACHIEVEMENTS = ["achievements", "achievements-new", "achievements100"]
PEOPLE = ["budget", "cookie", "streams"]
BODIES = ["bodies"]
OVERLOAD = ["overload"]
PERIODS = ["periods"]
CARDS = ["cards"]
GUILDS = ["guilds"]
BACKGROUND = ["background"]


def main() -> None:
    wanted = [name for name in os.environ.get("BENCH_ONLY", "").split(",") if name]
    every = CARDS + SETTINGS + BODIES + PEOPLE + OVERLOAD + PERIODS + BOARDS + ACTIVITY + MILLION + NAMES + ACHIEVEMENTS
    wanted = wanted or every
    unknown = {*wanted} - {*every, *GUILDS, *BACKGROUND}
    assert not unknown, f"no such case: {', '.join(unknown)}"
    if "cards" in wanted:
        cards.measure_cards()  # needs no server
    if {*wanted} == {*CARDS}:
        return
    folder = Path(tempfile.mkdtemp(prefix="guildhall-bench-"))
    server = EmbeddedPostgres(folder / "postgres")
    server.start()
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(server.stop)
        key, guildhall = stack.enter_context(servers.guildhall(folder, server, stack.enter_context(servers.discord())))
        print(f"{os.cpu_count()} cores, one worker, {ROUNDS} rounds of {SECONDS} s each, in turn\n", flush=True)
        sides = {"Guildhall": guildhall}
        if {*SETTINGS} & {*wanted}:
            sides["the bare handler"] = bare = _bare(stack, folder, server, key, guildhall)
            _run(wanted, cases.settings_cases(key, guildhall, bare))
        if "bodies" in wanted:
            bodies.measure_bodies(key, guildhall)
        if {*PEOPLE} & {*wanted}:
            _run(wanted, people.people_cases(key, guildhall))
            if "cookie" in wanted:
                people.measure_cookie(key, guildhall)
            if "streams" in wanted:
                people.measure_streams(key, guildhall)
        if "overload" in wanted:
            overload.measure_overload(key, guildhall)
        if "periods" in wanted:
            _make_guild(guildhall, key, boards.GUILD)
            boards.measure_boards(key, guildhall, server)
        if "background" in wanted:
            _make_guild(guildhall, key, background.GUILD)
            background.measure_background(key, guildhall, server)
        if "guilds" in wanted:  # only if asked for: its guilds would change what is measured after it
            guilds.measure_guilds(key, guildhall, server, folder)
            return
        if {*ACTIVITY, *MILLION, *BOARDS, *NAMES, *ACHIEVEMENTS} & {*wanted}:
            places = _seed(server, key, guildhall)
            sides["the yardstick"] = yardstick = stack.enter_context(servers.yardstick(server, key))
            if "board" in wanted:
                compare(cases.board_case(key, guildhall, yardstick, places))
            if "profile" in wanted:
                compare(cases.profile_case(key, guildhall, yardstick))
            if {*MILLION} & {*wanted}:
                achievements.award_the_million(key, guildhall)
                asyncio.run(seed.remember_a_week(guildhall.database, seed.GUILDS.million))
            if {*ACTIVITY, *MILLION} & {*wanted}:
                _run(wanted, cases.activity_cases(key, guildhall, yardstick))
            if {*NAMES} & {*wanted}:
                _run(wanted, cases.name_cases(key, guildhall))
            if {*ACHIEVEMENTS} & {*wanted}:
                _run(wanted, achievements.achievement_cases(key, guildhall))
        for name, side in sides.items():
            print(f"memory of {name}: {servers.memory(side.pid):.0f} MiB")
        urllib.request.urlopen(f"http://127.0.0.1:{guildhall.port}/admin/").read()
        print(f"memory of Guildhall after the admin was opened: {servers.memory(guildhall.pid):.0f} MiB")


def _run(wanted: list[str], found: list[Case]) -> None:
    for case in found:
        if case.name in wanted:
            compare(case)


def _bare(
    stack: contextlib.ExitStack, folder: Path, server: EmbeddedPostgres, key: str, guildhall: servers.Side
) -> servers.Side:
    for number in range(cases.SETTINGS_GUILDS):
        _make_guild(guildhall, key, cases.FIRST_SETTINGS_GUILD + number)
    (folder / "bytes").write_bytes(servers.call(guildhall, key, "GET", cases.SETTINGS_PATH))
    return stack.enter_context(servers.bare(folder, server, cases.SETTINGS_GUILDS))


def _seed(server: EmbeddedPostgres, key: str, guildhall: servers.Side) -> list[seed.Place]:
    for guild in seed.GUILDS.sizes:
        _make_guild(guildhall, key, guild)
    return asyncio.run(seed.seed(server.url("postgres", "guildhall"), "guildhall_owner"))


def _make_guild(guildhall: servers.Side, key: str, guild: int) -> None:
    body = msgspec.json.encode({"name": "Bench", "timezone": "UTC"})
    servers.call(guildhall, key, "PUT", f"/v1/guilds/{guild}", body)


if __name__ == "__main__":
    main()
