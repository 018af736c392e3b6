"""The OpenAPI document is valid, complete and exact, and every change of it is seen in review."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import jsonschema_rs
import msgspec
import pytest
from litestar import Litestar
from schemathesis.specs.openapi.definitions import OPENAPI_31

from api.app import describe
from api.auth.scopes import Scope
from api.lib.snowflakes import LARGEST
from api.openapi import document
from api.openapi.examples import EXAMPLES
from api.openapi.parameters import MODULE_PATTERN
from api.openapi.problems import REFUSALS, types
from api.openapi.schemas import Schemas
from api.settings.registry import is_name
from tests.architecture.described import Description, Json

SNAPSHOT = Path(__file__).parent / "openapi.json"
RENEW = "If the change is meant, renew the snapshot: make document"


def nodes(node: object) -> Iterator[Json]:
    """Every object within the node, including itself."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from nodes(value)
    elif isinstance(node, list):
        for item in node:
            yield from nodes(item)


def schemas(description: Description) -> Iterator[tuple[str, Json]]:
    """Every schema of a parameter, a header and a body, and every named one."""
    yield from description.document["components"]["schemas"].items()
    for node in nodes([description.document["paths"], description.document["components"]["parameters"]]):
        if isinstance(node.get("schema"), dict) and ("in" in node or node.keys() <= {"schema", "example"}):
            yield node.get("name", "body"), node["schema"]


def test_it_is_the_snapshot(description: Description) -> None:
    assert description.document == msgspec.json.decode(SNAPSHOT.read_bytes()), RENEW


def test_the_command_prints_it_without_any_configuration(tmp_path: Path) -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "api", "openapi"], env={}, cwd=tmp_path, capture_output=True, timeout=120, check=False
    )

    assert printed.stderr == b""
    assert printed.stdout == SNAPSHOT.read_bytes(), RENEW
    assert list(tmp_path.iterdir()) == []


def test_it_is_of_the_application_that_serves_it(running_app: Litestar) -> None:
    assert document(running_app.routes) == describe()


async def test_it_is_served_to_everybody(anonymous: httpx2.AsyncClient, description: Description) -> None:
    first = await anonymous.get("/schema/openapi.json")
    again = await anonymous.get("/schema/openapi.json", headers={"If-None-Match": first.headers["etag"]})

    assert first.status_code == 200
    assert first.json() == description.document
    assert "no-cache" in first.headers["cache-control"]
    assert (again.status_code, again.content) == (304, b"")


def test_it_is_valid_openapi(description: Description) -> None:
    assert [error.message for error in jsonschema_rs.validator_for(OPENAPI_31).iter_errors(description.document)] == []


def test_every_schema_is_valid(description: Description) -> None:
    found = list(schemas(description))
    assert len(found) > 60
    for name, schema in found:
        assert jsonschema_rs.meta.is_valid({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}), name


def test_every_reference_leads_somewhere(description: Description) -> None:
    references = [node["$ref"] for node in nodes(description.document) if isinstance(node.get("$ref"), str)]
    assert references
    for reference in references:
        assert description.resolved({"$ref": reference})


def test_every_component_is_used(description: Description) -> None:
    used = {node["$ref"] for node in nodes(description.document) if isinstance(node.get("$ref"), str)}
    kinds = description.document["components"]
    unused = {f"#/components/{kind}/{name}" for kind in kinds for name in kinds[kind]} - used
    schemes = {f"#/components/securitySchemes/{name}" for name in ("key", "session", "csrf")}
    assert unused <= {*schemes, "#/components/schemas/Problem"}


def test_components_have_plain_names(description: Description) -> None:
    for name, schema in description.document["components"]["schemas"].items():
        assert re.fullmatch(r"([A-Z]+[a-z0-9]*)+", name), name
        assert schema["title"] == name


def test_two_shapes_of_one_name_are_refused() -> None:
    one, other = (msgspec.defstruct("Twin", [(member, int)]) for member in ("left", "right"))
    with pytest.raises(ValueError, match="Twin"):
        Schemas([one, other])


def test_operations_have_names_of_their_own(description: Description) -> None:
    names = [operation["operationId"] for _, _, operation in description.operations()]
    assert len(names) == len(set(names)) > 20


def test_every_operation_says_which_scope_it_needs(description: Description) -> None:
    for _, _, operation in description.operations():
        scope = operation["x-required-scope"]
        keys = [way for way in operation["security"] if "key" in way]
        if scope is None:
            assert keys == []
        else:
            assert keys == [{"key": [Scope(scope).value]}]
            assert f"Needs the scope `{scope}`." in operation["description"]


def test_a_session_changes_nothing_without_its_csrf_token(description: Description) -> None:
    seen = 0
    for path, method, operation in description.operations():
        for way in operation["security"]:
            if "session" in way:
                seen += 1
                assert way == ({"session": []} if method == "GET" else {"session": [], "csrf": []}), path
    assert seen > 30


def test_requests_refuse_unknown_members(description: Description) -> None:
    for path, method, operation in description.operations():
        for media in operation.get("requestBody", {"content": {}})["content"].values():
            schema = description.resolved(media["schema"])
            is_settings = method in {"PUT", "PATCH"} and path.endswith("/settings/{module}")
            is_file = schema.get("type") == "string" or path.endswith("/imports")
            if not is_file:
                assert schema.get("additionalProperties") is is_settings, path


def test_objects_without_members_of_their_own_may_have_any(description: Description) -> None:
    """Otherwise a generator makes objects without members of them."""
    objects = [node for _, schema in schemas(description) for node in nodes(schema) if node.get("type") == "object"]
    assert len(objects) > 100
    for node in objects:
        assert node.keys() & {"properties", "additionalProperties"}, node


@pytest.mark.parametrize(
    ("condition", "is_valid"),
    [
        ({"stat": "messages", "gte": 1}, True),
        ({"stat": "messages", "gte": 1, "within": "7d"}, True),
        ({"all": [{"any": [{"stat": "level", "gte": 1}]}]}, True),
        ({}, False),
        ({"stat": "messages"}, False),
        ({"gte": 1}, False),
        ({"all": []}, False),
        ({"all": [{}]}, False),
        ({"any": [{"stat": "level", "gte": 1}], "stat": "level", "gte": 1}, False),
    ],
)
def test_a_condition_is_a_group_or_a_comparison(description: Description, condition: Json, is_valid: bool) -> None:
    validator = description.validator({"$ref": "#/components/schemas/Condition"})
    assert validator.is_valid(condition) is is_valid


def test_texts_beside_the_body_are_bounded(description: Description) -> None:
    names = {"X-Request-ID", "X-Audit-Log-Reason", "Idempotency-Key", "Last-Event-ID", "from", "to", "at"}
    found = [node for node in nodes(description.document) if "in" in node and node.get("name") in names]
    assert {node["name"] for node in found} == names
    for node in found:
        assert node["schema"].keys() >= {"pattern", "maxLength"}, node["name"]
        if "example" in node:
            description.validator(node["schema"]).validate(node["example"])


def test_numbers_are_exact() -> None:
    """No float can represent the largest id: written as 9.223372036854776e18 it would be one too many."""
    written = msgspec.json.encode(describe()).decode()
    assert f'"maximum":{LARGEST}' in written
    assert not re.search(r"\d[eE][+]?\d\d", re.sub(r'"(\\.|[^"\\])*"', '""', written))


def test_ids_in_answers_are_strings(description: Description) -> None:
    views = {name: schema for name, schema in schemas(description) if name.endswith("View")}
    members = [
        (f"{view}.{name}", member)
        for view, schema in views.items()
        for name, member in schema["properties"].items()
        if name == "id" or name.endswith(("_id", "_ids"))
    ]
    assert {"GuildView.id", "GuildView.owner_id", "KeyView.guild_ids"} <= dict(members).keys()
    for name, member in members:
        assert {node["type"] for node in nodes(member) if "type" in node} <= {"string", "array", "null"}, name


def test_times_in_answers_have_a_format(description: Description) -> None:
    members = [
        member
        for name, schema in schemas(description)
        if name.endswith("View")
        for name, member in schema["properties"].items()
        if name == "at" or name.endswith("_at")
    ]
    assert len(members) > 8
    for member in members:
        assert "date-time" in {node.get("format") for node in nodes(member)}


def test_what_an_answer_always_has_is_required(description: Description) -> None:
    named = description.document["components"]["schemas"]
    assert named["GuildViewPage"]["required"] == ["items", "next_cursor"]
    assert set(named["KeyView"]["properties"]) - set(named["KeyView"]["required"]) == {"secret"}
    for name, schema in named.items():
        if name.endswith("View"):
            assert not [node for node in nodes(schema["properties"]) if "default" in node], name


def test_every_body_has_an_example_that_is_valid(description: Description) -> None:
    count = 0
    for path, method, operation in description.operations():
        answers = [operation["responses"][status] for status in operation["responses"] if status < "300"]
        for body in (operation.get("requestBody", {}), *answers):
            for media_type, media in body.get("content", {}).items():
                if media_type.startswith("image/"):
                    continue
                schema = description.resolved(media["schema"])
                examples = [media["example"]] if "example" in media else schema.get("examples", [])
                assert examples, f"{method} {path} lacks an example: add one to api/openapi/examples"
                for example in examples:
                    count += 1
                    description.validator(media["schema"]).validate(example)
    assert count > 60


def test_every_example_is_used(description: Description) -> None:
    names = {operation["operationId"] for _, _, operation in description.operations()}
    for name in EXAMPLES:
        of, _, operation = name.rpartition(":")
        known: Any = names if of else description.document["components"]["schemas"]
        assert operation in known, name


def test_every_problem_is_in_the_table(description: Description) -> None:
    text = description.document["info"]["description"]
    found = types()
    assert len(found) > 15
    for kind in found:
        assert f"| `{kind.type}` | {kind.status} | {kind.title} |" in text
        # An incomplete request has no operation yet.
        assert kind.status in {*REFUSALS, 405, 408, 414, 431, 500}


@pytest.mark.parametrize("name", ["a", "a1_", "z" * 64, "A", "1a", "_a", "", "a-b", "é", "z" * 65, "a\n"])
def test_modules_are_named_as_the_registry_has_it(name: str) -> None:
    assert (re.search(MODULE_PATTERN.replace("$", r"\Z"), name) is None) == (is_name(name) is None)
