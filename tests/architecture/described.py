"""Compares answers with the OpenAPI document."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import jsonschema_rs
import msgspec

Json = dict[str, Any]  # a document is read member by member

METHODS = ("get", "put", "patch", "post", "delete")


class Description:
    """A document with its references resolved. Its objects are closed here, so a member of an answer that the document
    lacks is a fault."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document: Json = msgspec.json.decode(msgspec.json.encode(document))
        self._components = msgspec.json.decode(msgspec.json.encode(self.document["components"]))
        for schema in self._components["schemas"].values():
            if "properties" in schema:
                schema.setdefault("additionalProperties", False)
        self._validators: dict[bytes, jsonschema_rs.Draft202012Validator] = {}

    def operations(self) -> Iterator[tuple[str, str, Json]]:
        """Address, method, operation. Without those whose answer does not end: `tests/events` reads them."""
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item and not _is_endless(item[method]):
                    yield path, method.upper(), item[method]

    def resolved(self, node: Json) -> Json:
        """The node, or the target of its reference."""
        while "$ref" in node:
            name = node["$ref"].split("/")
            node = self.document
            for part in name[1:]:
                node = node[part]
        return node

    def validator(self, schema: Json) -> jsonschema_rs.Draft202012Validator:
        """Made once for each schema: to read all components takes 20 ms."""
        found = self._validators.get(text := msgspec.json.encode(schema))
        if found is None:
            found = self._validators[text] = jsonschema_rs.Draft202012Validator(
                {**schema, "components": self._components}, validate_formats=True, offline=True
            )
        return found

    def faults(self, operation: Json, answer: httpx2.Response) -> Iterator[str]:
        """The differences between an answer and its description."""
        described = operation["responses"].get(str(answer.status_code))
        if described is None:
            yield f"status {answer.status_code} is not documented: {answer.text[:300]}"
            return
        response = self.resolved(described)
        for name, reference in response["headers"].items():
            if self.resolved(reference).get("required") and name not in answer.headers:
                yield f"{answer.status_code} without {name}"
        content = response.get("content")
        if content is None:
            if answer.content:
                yield f"{answer.status_code} with a body"
            return
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        if media_type not in content:
            yield f"{answer.status_code} as {media_type}, which is not documented"
            return
        for error in self.validator(content[media_type]["schema"]).iter_errors(_decoded(media_type, answer)):
            yield f"{answer.status_code}, at {error.instance_path}: {error.message[:300]}"


def _is_endless(operation: Json) -> bool:
    return "text/event-stream" in operation["responses"].get("200", {}).get("content", {})


def _decoded(media_type: str, answer: httpx2.Response) -> object:
    if media_type.endswith("json") and not media_type.endswith("ndjson"):
        return msgspec.json.decode(answer.content)
    return msgspec.msgpack.decode(answer.content) if media_type.endswith("msgpack") else answer.text
