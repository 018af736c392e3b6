"""Which operations one client does, one after the other: the same for a seed, whatever the server does meanwhile."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.soak.model import Model
from tests.soak.world import (
    BY_HAND,
    CLOSES,
    GUILDS,
    HISTORY,
    PEOPLE,
    RESETS,
    STANDINGS,
    Json,
    draft,
    guild,
    person,
)

LONGEST_AGO = 5 * 86_400  # seconds: within the days whose ids are remembered


@dataclass
class Operation:
    """One request, sent until it is acknowledged. `done`: other statuses that acknowledge it."""

    name: str
    kind: str
    method: str
    path: str
    body: Json | None = None
    events: list[tuple[Json, float]] = field(default_factory=list)  # with how many seconds ago they happened
    lines: list[tuple[Json, float]] = field(default_factory=list)  # of a file, the same
    file: str = ""
    repeats: int = 0  # events that were sent before
    done: tuple[int, ...] = ()
    leaves_after: float | None = None  # seconds after which the client goes away, the first time
    reads: tuple[int, int] | None = None  # guild and user: what is answered has to be what is known


class Planner:
    """Draws operations and notes in the model what each will have done once it is acknowledged."""

    def __init__(self, seed: int, client: int) -> None:
        self.model = Model()
        self._client = client
        self._dice = random.Random(f"{seed}-{client}")  # noqa: S311 # chance that can be had again
        self._number = 0
        self._sent: list[tuple[int, Json, float]] = []
        self._kinds: dict[Callable[[], Operation], int] = {
            self._record: 50, self._read: 12, self._board: 6, self._give: 8, self._award: 5, self._leave: 5,
            self._hide: 3, self._set: 5, self._erase: 1, self._standings: 2, self._history: 2, self._define: 1,
        }  # fmt: skip
        if client == 0:
            self._kinds |= {self._close: 2}

    def next(self) -> list[Operation]:
        """What comes next: mostly one."""
        (kind,) = self._dice.choices(list(self._kinds), list(self._kinds.values()))
        self._number += 1
        first = kind()
        if first.kind == "close":
            again = self._audited(self._made("reopen", "POST", f"{first.path}/restore", done=(200,)))
            return [first, again]
        return [first]

    def _made(self, kind: str, method: str, path: str, **more: object) -> Operation:
        operation = Operation(f"{self._client}-{self._number}", kind, method, path, **more)  # type: ignore[arg-type] # named by the callers
        if method == "POST" and kind != "reopen" and self._dice.random() < 0.06:
            operation.leaves_after = self._dice.choice((0.001, 0.003, 0.01, 0.03))
        return operation

    def _somebody(self) -> tuple[int, int]:
        return self._dice.choice(list(GUILDS)), person(self._client, self._dice.randrange(PEOPLE))

    def _audited(self, operation: Operation, *, changes: bool | None = True, entries: int = 1) -> Operation:
        """Of what `changes` something there are so many entries; None: nobody can tell."""
        if changes:
            self.model.audited[f"soak {operation.name}"] += entries
        elif changes is False:
            self.model.silent.add(f"soak {operation.name}")
        return operation

    def _event(self, user: int, name: str) -> Json:
        kind = self._dice.choices(("message", "voice", "reaction", "command", "stat"), (60, 12, 10, 10, 8))[0]
        more: Json = {}
        if kind == "voice":
            more = {"seconds": 10 * self._dice.randint(1, 60)}
        elif kind == "command":
            more = {"name": "rank"}
        elif kind == "stat":
            more = {"stat": "duels", "amount": self._dice.randint(1, 3)}
        return {"id": name, "type": kind, "user_id": str(user), **more}

    def _record(self) -> Operation:
        guild_id, _ = self._somebody()
        size = 1 if self._dice.random() < 0.5 else self._dice.randint(2, 25)
        operation = self._made("record", "POST", f"{guild(guild_id)}/activity")
        fresh = []
        for number in range(size):
            user = person(self._client, self._dice.randrange(PEOPLE))
            event = self._event(user, f"{operation.name}-{number}")
            late = self._dice.random() < 0.15 and not self.model.of(guild_id, user).began_anew
            fresh.append((guild_id, event, self._dice.uniform(1, LONGEST_AGO) if late else 0.0))
        again = [each for each in self._sent[-200:] if each[0] == guild_id and self._dice.random() < 0.02]
        operation.repeats = len(again)
        operation.events = [(event, ago) for _, event, ago in fresh + again]
        if self._dice.random() < 0.2:
            operation.events.append(operation.events[0])
            operation.repeats += 1
        self._dice.shuffle(operation.events)
        self._sent = (self._sent + fresh)[-400:]
        for _, event, ago in fresh:
            self.model.count(guild_id, event, is_late=ago > 0)
        return operation

    def _read(self) -> Operation:
        guild_id, user = self._somebody()
        there = self.model.of(guild_id, user).is_there
        return self._made("read", "GET", f"{guild(guild_id)}/members/{user}", reads=(guild_id, user),
                          done=() if there else (404,))  # fmt: skip

    def _board(self) -> Operation:
        query = self._dice.choice(("", "?stat=messages", "?period=week", "?stat=duels&period=day"))
        return self._made("board", "GET", f"{guild(self._dice.choice(list(GUILDS)))}/leaderboard{query}")

    def _give(self) -> Operation:
        guild_id, user = self._somebody()
        standing = self.model.of(guild_id, user)
        amount = self._dice.randint(-min(standing.xp, 40), 60) or 1
        if standing.is_there:
            standing.mark_uncertain()
        else:
            standing.is_present = True
        standing.is_there, standing.xp = True, standing.xp + amount
        return self._audited(
            self._made("give", "POST", f"{guild(guild_id)}/members/{user}/xp", body={"amount": amount})
        )

    def _award(self) -> Operation:
        guild_id, user = self._somebody()
        standing = self.model.of(guild_id, user)
        if not standing.is_there or guild_id == CLOSES:
            return self._record()
        standing.has_by_hand = not standing.has_by_hand
        standing.mark_uncertain()
        method = "PUT" if standing.has_by_hand else "DELETE"
        path = f"{guild(guild_id)}/members/{user}/achievements/{BY_HAND}"
        return self._audited(self._made("award", method, path))

    def _leave(self) -> Operation:
        guild_id, user = self._somebody()
        standing = self.model.of(guild_id, user)
        if not standing.is_there or guild_id == CLOSES:
            return self._record()
        was_present, standing.is_present = standing.is_present, False
        if guild_id == RESETS:
            standing.remove()
        # Sent again it may find nobody.
        operation = self._made("leave", "DELETE", f"{guild(guild_id)}/members/{user}", done=(404,))
        return self._audited(operation, changes=was_present)

    def _hide(self) -> Operation:
        _, user = self._somebody()
        visibility = self._dice.choice(("public", "hidden"))
        was = self.model.hidden.get(user, False)
        self.model.hidden[user] = is_hidden = visibility == "hidden"
        body = {"visibility": visibility, "opt_out": False}
        operation = self._made("hide", "PUT", f"/v1/users/{user}/privacy", body=body)
        return self._audited(operation, changes=None if was is None else was != is_hidden)

    def _set(self) -> Operation:
        guild_id = self._dice.choice([each for each in GUILDS if each != CLOSES])
        operation = self._made("set", "PATCH", f"{guild(guild_id)}/settings/leveling")
        operation.body = {"announce": {"mode": "current", "template": f"{{mention}}, {operation.name}"}}
        return self._audited(operation)

    def _erase(self) -> Operation:
        _, user = self._somebody()
        was_somewhere = self.model.is_anywhere(user)
        self.model.erase(user)
        self._sent = [each for each in self._sent if each[1]["user_id"] != str(user)]
        operation = self._made("erase", "DELETE", f"/v1/users/{user}", done=(200,))
        if was_somewhere:  # an entry in each guild that had something of them
            self.model.audited_somehow.add(f"soak {operation.name}")
        return operation

    def _standings(self) -> Operation:
        guild_id = self._dice.choice([each for each in GUILDS if each != CLOSES])
        user, xp = person(self._client, STANDINGS), self._dice.randint(1, 500)
        standing = self.model.of(guild_id, user)
        standing.is_there, standing.xp = True, standing.xp + xp
        path = f"{guild(guild_id)}/imports?source=csv&mode=add"
        # That it was asked for, and what became of it.
        return self._audited(self._made("import", "POST", path, file=f"user_id,xp\n{user},{xp}\n"), entries=2)

    def _history(self) -> Operation:
        guild_id = self._dice.choice([each for each in GUILDS if each != CLOSES])
        user = person(self._client, HISTORY)
        operation = self._made("import", "POST", f"{guild(guild_id)}/imports?source=events")
        for number in range(self._dice.randint(1, 40)):
            event = self._event(user, f"{operation.name}-{number}")
            operation.lines.append((event, self._dice.uniform(60, 60 * 86_400)))
            self.model.count(guild_id, event)
        return self._audited(operation, entries=2)

    def _define(self) -> Operation:
        guild_id = self._dice.choice([each for each in GUILDS if each != CLOSES])
        operation = self._made("define", "POST", f"{guild(guild_id)}/achievements")
        stat, most = self._dice.choice((("messages", 30), ("voice_seconds", 900), ("reactions", 6), ("commands", 6)))
        operation.body = draft(f"late-{operation.name}", stat, self._dice.randint(1, most), self._dice.choice((0, 4)))
        return self._audited(operation)

    def _close(self) -> Operation:
        return self._audited(self._made("close", "DELETE", guild(CLOSES), done=(404,)))
