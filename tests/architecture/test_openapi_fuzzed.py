"""The OpenAPI document describes every answer, whatever the request."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.parameters import ParameterLocation

from tests.architecture.described import Json
from tests.architecture.world import MSGPACK, World
from tests.support.clients import BASE_URL

EXAMPLES_EACH = 2 * int(os.environ.get("LAWS", "1"))  # for a longer search: `LAWS=20`, and a `--timeout` to match

T = TypeVar("T")
AnyCase = Case[Any]  # its way of sending is not used

# Equal in every run, so a failure can be repeated.
_settings = hypothesis_settings(
    max_examples=EXAMPLES_EACH,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.timeout(600)  # hundreds of requests, on a busy machine
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
async def test_whatever_is_sent_is_answered_as_described(world: World, mode: GenerationMode) -> None:
    """Valid and invalid data, generated from the schemas. Invalid data is never accepted."""
    seen = await asyncio.to_thread(Fuzz(world, mode, asyncio.get_running_loop()).run)

    assert sum(seen.values()) > 150
    assert sum(seen[status] for status in seen if status < 300) > (100 if mode.is_positive else 10), seen
    assert not seen[401], "the bot's own key was lost on the way"


class Fuzz:
    """Sends the requests of schemathesis, from a thread of its own: hypothesis is not asynchronous."""

    def __init__(self, world: World, mode: GenerationMode, loop: asyncio.AbstractEventLoop) -> None:
        self._world = world
        self._mode = mode
        self._loop = loop
        self._seen: Counter[int] = Counter()

    def run(self) -> Counter[int]:
        """Calls every operation. Returns how often each status came. Raises `AssertionError`."""
        schema = schemathesis.openapi.from_dict(self._world.description.document)
        for path, method, operation in self._world.description.operations():
            if self._mode.is_negative and operation["x-required-scope"] is None:
                continue  # nothing could be wrong
            if "image/png" in operation.get("requestBody", {"content": {}})["content"]:
                continue  # of pictures it knows nothing
            self._wait(self._world.restore())
            self._world.note(path, method)
            cases = schema[path][method].as_strategy(generation_mode=self._mode)
            _settings(given(cases, st.booleans())(self._asking(operation)))()
        return self._seen

    def _asking(self, operation: Json) -> Callable[[AnyCase, bool], None]:
        def ask(case: AnyCase, packed: bool) -> None:
            request = self._request(case, packed=packed)
            answer = self._wait(self._world.bot.send(request))
            self._seen[answer.status_code] += 1
            sent = f"{request.method} {request.url} {request.content!r}"
            assert list(self._world.description.faults(operation, answer)) == [], sent
            # A file is accepted as it is; faults of its rows are reported later.
            is_file = "text/csv" in operation.get("requestBody", {"content": {}})["content"]
            bad_body = _mode_of(case, ParameterLocation.BODY) is GenerationMode.NEGATIVE and not is_file
            # Some values that are invalid as a number, empty or null are valid, or absent, as text in an address.
            given_query = (case.query or {}).values()
            sent_query = any(value not in ("", b"", None) and not isinstance(value, list) for value in given_query)
            bad_query = _mode_of(case, ParameterLocation.QUERY) is GenerationMode.NEGATIVE and sent_query
            if bad_body or bad_query:
                assert not answer.is_success, sent

        return ask

    def _wait(self, work: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def _request(self, case: AnyCase, *, packed: bool) -> httpx2.Request:
        """A case as a request of the bot. If its address is valid, it leads to something that exists."""
        if _mode_of(case, ParameterLocation.PATH) is GenerationMode.POSITIVE:
            real = self._world.parts(case.operation.path)
            case.path_parameters = {name: real[name] for name in case.path_parameters}
        made = case.as_transport_kwargs(base_url=BASE_URL)
        headers = {
            **{name: value.encode("latin-1") for name, value in made["headers"].items()},
            "Authorization": self._world.bot.headers["Authorization"].encode(),
            "Accept": (MSGPACK if packed else "application/json").encode(),
        }
        body = {"content" if name == "data" else name: made[name] for name in ("json", "data") if name in made}
        return httpx2.Request(made["method"], made["url"], params=made["params"], headers=headers, **body)


def _mode_of(case: AnyCase, part: ParameterLocation) -> GenerationMode | None:
    """Whether a part of the case is valid or invalid; None if the case has no such part."""
    found = None if case.meta is None else case.meta.components.get(part)
    return None if found is None else found.mode
