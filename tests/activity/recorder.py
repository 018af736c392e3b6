"""Clients that send batches whatever happens to the server, and what they know afterwards."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2

from tests.operation.servers import Server
from tests.support.serving import NO_TLS

GUILD = "/v1/guilds/81384788765712384"
CLIENTS = 8
USERS = 12
XP = 10

Json = dict[str, Any]  # Any: JSON


class Target:
    """Where the server is now; the next one may be on another port."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.base_url = ""

    def client(self) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx2.Client(base_url=self.base_url, headers=headers, timeout=60, verify=NO_TLS)

    def prepare(self, server: Server) -> None:
        """A guild in which totals show how often each message counted."""
        self.base_url = server.base_url
        rules = {"xp_per_message": {"min": XP, "max": XP}, "cooldown_seconds": 0}
        with self.client() as client:
            client.put(GUILD, json={"name": "Harbour"}).raise_for_status()
            client.patch(f"{GUILD}/settings/leveling", json=rules).raise_for_status()


@dataclass
class Recorder:
    """What one client did. Events go by id; an id says whose it is."""

    sent: dict[str, Json] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    repeats: int = 0
    accepted: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    levels: list[tuple[int, int, int]] = field(default_factory=list)  # user, from, to

    def note(self, batch: list[Json], answer: httpx2.Response) -> None:
        """A 200 acknowledges all of the batch; everything else leaves open whether it was stored."""
        self.answers[str(answer.status_code)] += 1
        if answer.status_code != 200:
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["Retry-After"]) >= 1
            return
        answered = answer.json()
        assert (answered["accepted"] + answered["duplicates"], answered["rejected"]) == (len(batch), [])
        self.accepted += answered["accepted"]
        self.acknowledged.update(event["id"] for event in batch)
        self.levels += [(int(up["user_id"]), up["from_level"], up["to_level"]) for up in answered["level_ups"]]

    @property
    def open(self) -> list[Json]:
        """Events that no answer acknowledged."""
        return [event for id_, event in self.sent.items() if id_ not in self.acknowledged]


class Sender(threading.Thread):
    """One client: batches of 1 to 30 events, a tenth of them sent before."""

    def __init__(self, number: int, seed: int, target: Target, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.recorder = Recorder()
        self.failure: BaseException | None = None
        self._number, self._target, self._stopping = number, target, stop
        self._dice = random.Random(seed * 100 + number)  # noqa: S311 # a choice, no secret

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._send_until_it_breaks()
        except BaseException as failure:  # the test's thread shows it
            self.failure = failure

    def _send_until_it_breaks(self) -> None:
        try:
            with self._target.client() as client:
                while not self._stopping.is_set():
                    batch = self._batch()
                    answer = client.post(f"{GUILD}/activity", json={"events": batch})
                    self.recorder.note(batch, answer)
                    time.sleep(0.005 if answer.status_code == 200 else 0.2)
        except httpx2.TransportError as broken:
            self.recorder.answers[type(broken).__name__] += 1
            time.sleep(0.1)

    def _batch(self) -> list[Json]:
        sent, batch = list(self.recorder.sent.values())[-500:], []
        for _ in range(self._dice.randint(1, 30)):
            if sent and self._dice.random() < 0.1:
                batch.append(self._dice.choice(sent))
                self.recorder.repeats += 1
            else:
                batch.append(self._event())
        self._dice.shuffle(batch)
        return batch

    def _event(self) -> Json:
        event = {
            "id": f"{self._number}-{len(self.recorder.sent)}",
            "type": "message",
            "user_id": str(1000 + self._dice.randrange(USERS)),
            "channel_id": "5",
            "occurred_at": datetime.now(UTC).isoformat(),
        }
        self.recorder.sent[event["id"]] = event
        return event


def assert_exact(target: Target, recorders: list[Recorder]) -> None:
    """Before anything is sent again, and after what nobody acknowledged was."""
    sent = {id_: event for recorder in recorders for id_, event in recorder.sent.items()}
    acknowledged = {id_ for recorder in recorders for id_ in recorder.acknowledged}
    open_events = [event for recorder in recorders for event in recorder.open]
    least, most = _per_member(sent[id_] for id_ in acknowledged), _per_member(sent.values())
    with target.client() as client:
        found = _counted(client, most)
        for user in most:
            assert least[user] <= found[user] <= most[user], f"{user}: {least[user]}, {found[user]}, {most[user]}"
        stored_unanswered = found.total() - least.total()
        again = Recorder()
        for start in range(0, len(open_events), 1000):
            batch = open_events[start : start + 1000]
            again.note(batch, client.post(f"{GUILD}/activity", json={"events": batch}))
        assert again.accepted == len(open_events) - stored_unanswered
        assert _counted(client, most) == most
        _assert_rest_agrees(client, most)
    _assert_no_level_twice([*recorders, again])
    accepted = sum(recorder.accepted for recorder in recorders)
    assert accepted <= found.total()
    answers = sum((recorder.answers for recorder in recorders), Counter[str]())
    print(
        f"sent {len(sent)} events and {sum(each.repeats for each in recorders)} repeats, answers {dict(answers)}; "
        f"acknowledged {len(acknowledged)}, missing 0; never answered {len(open_events)}, of which stored "
        f"{stored_unanswered}; counted {most.total()} once they were sent again, twice 0"
    )


def _per_member(events: Iterable[Json]) -> Counter[int]:
    return Counter(int(event["user_id"]) for event in events)


def _counted(client: httpx2.Client, users: Counter[int]) -> Counter[int]:
    """Messages by member; XP, which is stored beside them, agrees."""
    found = Counter[int]()
    for user in users:
        profile = _get(client, f"{GUILD}/members/{user}")
        found[user] = profile["stats"]["messages"]
        assert profile["xp"] == XP * found[user]
    return found


def _assert_rest_agrees(client: httpx2.Client, most: Counter[int]) -> None:
    """The board, its count, and the guild's days."""
    board = _get(client, f"{GUILD}/leaderboard")
    assert board["member_count"] == len(most)
    assert [(item["rank"], item["value"]) for item in board["items"]] == [
        (1 + sum(other > count for other in most.values()), XP * count) for count in sorted(most.values(), reverse=True)
    ]
    days = _get(client, f"{GUILD}/activity")["items"]
    assert sum(day["messages"] for day in days) == most.total()
    for user, count in most.items():
        own = _get(client, f"{GUILD}/members/{user}/activity")["items"]
        assert sum(day["messages"] for day in own) == count
        assert _get(client, f"{GUILD}/members/{user}")["rank"] == 1 + sum(o > count for o in most.values())


def _get(client: httpx2.Client, path: str) -> Any:  # Any: JSON
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _assert_no_level_twice(recorders: list[Recorder]) -> None:
    """Answers may be lost, and a level-up with them; none is in two of them."""
    answered = [
        (user, level) for recorder in recorders for user, low, high in recorder.levels for level in range(low, high)
    ]
    assert len(set(answered)) == len(answered)
