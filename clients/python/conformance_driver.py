"""Drives the Python client through `clients/conformance`: a line of calls in, a line of outcomes out."""

import asyncio
import ssl
import sys
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

import httpx2
import msgspec

from guildhall_client import (
    Activity,
    BadSignature,
    Batcher,
    FileSpool,
    Guildhall,
    GuildNotFound,
    Problem,
    StreamEvent,
    Unreachable,
    verify_delivery,
)

# Otherwise each client reads all certificates of this machine.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

Json = dict[str, Any]  # Any: JSON


async def batch(guildhall: Guildhall, given: Json) -> Json:
    """Sends events, or leaves them where they wait."""
    answers: list[tuple[str, int]] = []

    async def answered(guild_id: str, answer: Activity) -> None:
        answers.append((guild_id, answer.accepted))

    batcher = Batcher(
        guildhall,
        answered,
        every=0.05 if given["flush"] else 60,
        at_once=given.get("at_once", 500),
        most=given.get("most", 1000),
        spool=FileSpool(given["spool"]) if "spool" in given else None,
    )
    async with batcher:
        for guild_id, event in given["events"]:
            batcher.add(guild_id, **event)
        if given["flush"]:
            await batcher.flush()
        waiting = len(batcher) if given["flush"] else await batcher.close(timeout=0)
    return {"answers": answers, "dropped": batcher.dropped, "waiting": waiting}


async def events(guildhall: Guildhall, take: int, **given: Any) -> list[StreamEvent]:  # Any: JSON
    """The next events of the stream."""
    found: list[StreamEvent] = []
    async with aclosing(cast("AsyncGenerator[StreamEvent, None]", guildhall.events(**given))) as stream:
        async for event in stream:
            found.append(event)
            if len(found) == take:
                break
    return found


async def import_(guildhall: Guildhall, every_seconds: float, **given: Any) -> object:  # Any: JSON
    """An import to its end."""
    begun = await guildhall.imports.begin(**given)
    return await guildhall.imports.finished(begun.id, every=every_seconds)


async def call(guildhall: Guildhall, name: str, given: Json) -> object:
    """One call of a scenario."""
    if name == "batch":
        return await batch(guildhall, given)
    if name == "card":
        patience = {"patience": given.pop("patience_seconds")} if "patience_seconds" in given else {}
        return b64encode(await guildhall.cards.member(**given, **patience)).decode()
    if name == "verify_delivery":
        return verify_delivery(**{**given, "body": given["body"].encode()})
    if name == "settings":
        return await guildhall.settings(**given, as_type=dict)
    methods: Json = {
        "award": guildhall.achievements.award,
        "create_achievement": guildhall.achievements.create,
        "create_webhook": guildhall.webhooks.create,
        "events": lambda **given: events(guildhall, **given),
        "import": lambda **given: import_(guildhall, **given),
        "restore_achievement": guildhall.achievements.restore,
        "revoke": guildhall.achievements.revoke,
    }
    method = methods.get(name) or getattr(guildhall, name)
    return cast("object", await method(**given))


async def outcome(guildhall: Guildhall, each: Json) -> Json:
    """What a call returns or raises."""
    try:
        return {"returns": await call(guildhall, each["call"], each["with"])}
    except Problem as problem:
        kind = "guild_not_found" if isinstance(problem, GuildNotFound) else "problem"
        faults = [{k: v for k, v in msgspec.to_builtins(fault).items() if v is not None} for fault in problem.errors]
        return {"raises": {**vars(problem), "kind": kind, "errors": faults}}
    except Unreachable:
        return {"raises": {"kind": "unreachable"}}
    except BadSignature:
        return {"raises": {"kind": "bad_signature"}}


async def main() -> None:
    """Scenario after scenario, until the input ends."""
    while line := await asyncio.to_thread(sys.stdin.buffer.readline):
        task = msgspec.json.decode(line)
        transport = httpx2.AsyncHTTPTransport(verify=NO_TLS)
        async with Guildhall(
            task["url"], task["key"], patience=task["patience_seconds"], transport=transport
        ) as guildhall:
            outcomes = [await outcome(guildhall, each) for each in task["calls"]]
        sys.stdout.buffer.write(msgspec.json.encode(outcomes) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(main())
