"""The server of one scenario: it answers as the scenario says, and notes where a request is other than it says."""

import asyncio
import json
import time
from base64 import b64decode
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Json = Any  # JSON of a scenario

# A timer may fire a little early.
TOLERANCE_SECONDS = 0.05


class Stub:
    """Serves `exchanges` in their order. `faults` has what was wrong, in words."""

    def __init__(self, exchanges: list[Json]) -> None:
        self._exchanges = exchanges
        self._next = 0
        self._requests: list[Json] = []  # what came to each exchange first
        self._answered_at = 0.0
        self.faults: list[str] = []

    def missing(self) -> list[str]:
        """The exchanges that have not begun."""
        begun = len(self._requests)
        return [f"request {number} did not come" for number in range(begun, len(self._exchanges))]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, for one request."""
        try:
            request = await _read(reader)
            exchange = self._checked(request)
            await _answer(writer, exchange, reader)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._answered_at = time.monotonic()
            writer.close()

    def _checked(self, request: Json) -> Json:
        """The answer to the next request, which is compared with what the scenario wants."""
        number = self._next
        if number == len(self._exchanges):
            self.faults.append(f"one request too many: {request['method']} {request['path']}")
            return {"status": 500}
        wanted = self._exchanges[number]
        if number == len(self._requests):
            self._requests.append(request)
        if not wanted.get("repeats"):
            self._next += 1
        self.faults += [f"request {number}: {fault}" for fault in self._differences(wanted["request"], request)]
        return wanted["answer"]

    def _differences(self, wanted: Json, request: Json) -> list[str]:
        found = [
            f"{part} is {request[part]!r}, not {wanted[part]!r}"
            for part in ("method", "path", "query", "body", "text")
            if part in wanted and request[part] != wanted[part]
        ]
        for name, value in wanted.get("headers", {}).items():
            if fault := self._header_fault(name.lower(), value, request["headers"].get(name.lower())):
                found.append(f"header {name} {fault}")
        waited = time.monotonic() - self._answered_at + TOLERANCE_SECONDS
        if waited < wanted.get("after_seconds", 0):
            found.append(f"it came after {waited:.2f} s, sooner than {wanted['after_seconds']} s")
        return found

    def _header_fault(self, name: str, wanted: Json, value: str | None) -> str:
        if isinstance(wanted, str):
            return "" if value == wanted else f"is {value!r}, not {wanted!r}"
        if "absent" in wanted:
            return "" if value is None else f"is {value!r}, and should be absent"
        if not value:
            return "is missing"
        for rule, number in wanted.items():
            if (value == self._requests[number]["headers"].get(name)) != (rule == "as_in"):
                return f"is {value!r}, which is {'un' if rule == 'as_in' else ''}like that of request {number}"
        return ""


async def _read(reader: asyncio.StreamReader) -> Json:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ")
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    content = await reader.readexactly(int(headers.get("content-length", "0")))
    address = urlsplit(target)
    request = {"method": method, "path": address.path, "query": dict(parse_qsl(address.query)), "headers": headers}
    is_json = headers.get("content-type", "").startswith("application/json")
    return {**request, "text": content.decode(), "body": json.loads(content) if is_json and content else None}


async def _answer(writer: asyncio.StreamWriter, answer: Json, reader: asyncio.StreamReader) -> None:
    if answer.get("lost"):
        return
    content = b64decode(answer["base64"]) if "base64" in answer else answer.get("text", "").encode()
    headers = {"Content-Type": "application/problem+json" if answer["status"] >= 400 else "application/json"}
    if "json" in answer:
        content = json.dumps(answer["json"]).encode()
    chunks = [chunk.encode() for chunk in answer.get("chunks", [])]
    if "chunks" in answer:
        headers = {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}
    elif answer["status"] not in (204, 304):
        headers["Content-Length"] = str(len(content))
    lines = [f"{name}: {value}" for name, value in {**headers, **answer.get("headers", {})}.items()]
    writer.write("\r\n".join([f"HTTP/1.1 {answer['status']} Answer", *lines, "Connection: close", "", ""]).encode())
    writer.write(content)
    for chunk in chunks:
        writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        await writer.drain()
        await asyncio.sleep(0.01)  # so that it arrives by itself
    if answer.get("stays_open"):
        await reader.read()  # until the client ends it
    elif chunks and not answer.get("breaks"):
        writer.write(b"0\r\n\r\n")
    await writer.drain()
