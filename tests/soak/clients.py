"""A client that sends each operation until it is acknowledged, whatever becomes of servers and connections."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx2

from tests.soak.model import Standing
from tests.soak.operations import Operation, Planner
from tests.soak.world import CLOSES, Json, guild
from tests.support.serving import NO_TLS

CEILING_SECONDS = 180  # for one operation on a busy machine, with all that is killed meanwhile
PAUSE_SECONDS = 0.2
_TYPES = {"csv": "text/csv", "events": "application/x-ndjson"}


class SoakClient:
    """One client and its people. `answers` counts what it was answered."""

    def __init__(
        self, seed: int, number: int, base_url: str, headers: dict[str, str], went: Callable[[], None]
    ) -> None:
        self.planner = Planner(seed, number)
        self.answers: Counter[str] = Counter()
        self.imports: list[str] = []
        self.log: list[str] = []
        self._went = went
        self._moments: dict[str, str] = {}  # of events, by id
        self._base_url, self._headers = base_url, headers
        self._http = self._connect()

    def _connect(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self._base_url, headers=self._headers, timeout=30, verify=NO_TLS)

    async def work(self, operations: int) -> None:
        """Does so many."""
        try:
            for _ in range(operations):
                for operation in self.planner.next():
                    await self._acknowledged(operation)
                self._went()
        finally:
            await self._http.aclose()
            self._http = self._connect()

    async def close(self) -> None:
        await self._http.aclose()

    async def _acknowledged(self, operation: Operation) -> None:
        request = self._request(operation)
        until = time.monotonic() + CEILING_SECONDS
        tries = refused = 0
        while True:
            tries += 1
            answer = await self._try(request, operation.leaves_after if tries == 1 else None)
            word = "none" if answer is None else str(answer.status_code)
            self.answers[word] += 1
            self.log = [*self.log[-30:], f"{operation.name} {operation.kind} {request.url.path}: {word}"]
            if answer is not None and self._acknowledges(operation, answer):
                self._check(operation, answer, is_first=tries == 1)
                return
            if answer is not None and answer.status_code == 409 and "Retry-After" not in answer.headers:
                refused += 1  # for good: this answer is kept, and the next try is another request
                request.headers["Idempotency-Key"] = f"soak {operation.name} {operation.kind} {refused}"
            assert time.monotonic() < until, f"{operation} is not acknowledged: {answer and answer.text}"
            await asyncio.sleep(PAUSE_SECONDS)

    def _request(self, operation: Operation) -> httpx2.Request:
        headers = {"X-Audit-Log-Reason": f"soak {operation.name}"}
        if operation.method == "POST":
            headers["Idempotency-Key"] = f"soak {operation.name} {operation.kind}"
        if operation.kind == "import":
            content = operation.file or "".join(
                self._http.build_request("POST", "/", json=self._happened(*each)).content.decode() + "\n"
                for each in operation.lines
            )
            source = "events" if operation.lines else "csv"
            return self._http.build_request(
                "POST", operation.path, content=content.encode(), headers=headers | {"Content-Type": _TYPES[source]}
            )
        body = operation.body
        if operation.events:
            body = {"events": [self._happened(*each) for each in operation.events]}
        return self._http.build_request(operation.method, operation.path, json=body, headers=headers)

    def _happened(self, event: Json, ago: float) -> Json:
        moment = datetime.now(UTC) - timedelta(seconds=ago)
        return event | {"occurred_at": self._moments.setdefault(event["id"], moment.isoformat())}

    async def _try(self, request: httpx2.Request, leaves_after: float | None) -> httpx2.Response | None:
        """None where there was no answer: the connection broke, or the client went away."""
        again = httpx2.Request(request.method, request.url, headers=request.headers, content=request.content)
        try:
            async with asyncio.timeout(leaves_after):
                return await self._http.send(again)
        except TimeoutError:
            await self._http.aclose()
            self._http = self._connect()
        except httpx2.TransportError:
            pass
        return None

    def _acknowledges(self, operation: Operation, answer: httpx2.Response) -> bool:
        status = answer.status_code
        if status == 503:
            assert int(answer.headers["Retry-After"]) >= 1, answer.text
            return False
        if status == 404 and f"{operation.path}/".startswith(f"{guild(CLOSES)}/") and 404 not in operation.done:
            return False  # it is closed just now
        if status == 409:
            return False  # the first try is under way, or another import of this guild
        assert answer.is_success or status in operation.done, f"{operation}: {status} {answer.text}"
        return True

    def _check(self, operation: Operation, answer: httpx2.Response, *, is_first: bool) -> None:
        if operation.kind == "record":
            found = answer.json()
            assert found["rejected"] == [], (operation, found)
            assert found["accepted"] + found["duplicates"] == len(operation.events), (operation, found)
            if is_first:
                assert found["duplicates"] == operation.repeats, (operation, found)
        elif operation.kind == "import":
            self.imports.append(answer.headers["Location"])
        elif operation.reads is not None and answer.status_code == 200:
            _assert_known(self.planner.model.of(*operation.reads), answer.json())
        elif operation.kind == "board":
            values = [item["value"] for item in answer.json()["items"]]
            assert values == sorted(values, reverse=True)


def _assert_known(known: Standing, profile: Json) -> None:
    """What was acknowledged is read at once, from whatever worker; XP may have come with achievements."""
    counted = {name: known.stats[name] for name in profile["stats"]}
    assert profile["stats"] == counted, (profile, known)
    assert profile["custom_stats"].get("duels", 0) == known.stats["duels"], (profile, known)
    assert profile["xp"] >= known.xp, (profile, known)
