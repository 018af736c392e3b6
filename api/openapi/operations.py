"""One operation: its parameters, its rights, its answers."""

import re

from api.http.policy import LARGEST_BODY
from api.openapi import problems
from api.openapi.examples import EXAMPLES
from api.openapi.facts import READINESS, Facts
from api.openapi.headers import spelled
from api.openapi.parameters import parameters
from api.openapi.schemas import Schema, Schemas

_DONE = {
    200: "The present state.",
    201: "Created.",
    202: "Accepted: it will be done in the background.",
    303: "Go there.",
    204: "Done; the answer has no body.",
}

_sentence = re.compile(r"(.+?[.])(?:\s+(.+))?", re.DOTALL).fullmatch


def operation(facts: Facts, schemas: Schemas) -> Schema:
    """The operation object."""
    summary, rest = _words(facts)
    found: Schema = {
        "operationId": facts.name,
        "tags": list(facts.tags),
        "summary": summary,
        "description": "\n\n".join(part for part in (rest, _needs(facts)) if part),
        "parameters": parameters(facts, schemas),
        "responses": _responses(facts, schemas),
        "security": _security(facts),
        "x-required-scope": None if facts.scope is None else facts.scope.value,
    }
    if facts.body is not None:
        found["requestBody"] = {
            "required": not facts.plan.optional_body,
            "content": dict.fromkeys(facts.plan.media_types, _media(schemas.of(facts.body), f"request:{facts.name}")),
        }
    elif facts.files:
        found["requestBody"] = {
            "required": True,
            "content": {kind: _media(_file(kind), f"request:{kind}:{facts.name}") for kind in facts.files},
        }
    if "requestBody" in found and facts.plan.largest_body != LARGEST_BODY:
        found["x-largest-body"] = facts.plan.largest_body
    return found


def _file(kind: str) -> Schema:
    return {
        "type": ["object", "array"] if kind == "application/json" else "string",
        "description": "The file as it is.",
    }


def _words(facts: Facts) -> tuple[str, str]:
    """The docstring's first sentence, without its full stop, and the rest."""
    match = _sentence(" ".join(facts.words.split()))
    if match is None:
        raise ValueError(
            f"The docstring of {facts.name} does not begin with a sentence: it is the operation's description."
        )
    return match[1].removesuffix("."), match[2] or ""


def _needs(facts: Facts) -> str:
    if facts.is_persons:
        return "Needs a person's session."
    if facts.scope is None:
        return "Needs no key."
    needed = f"Needs the scope `{facts.scope.value}`."
    if facts.policy.whole_installation:
        needed += " Not for keys with a list of guilds."
    return needed if facts.serves_people else f"{needed} Not for people."


def _security(facts: Facts) -> list[dict[str, list[str]]]:
    """Each way to authorize: a key, or a session, whose changes need its CSRF token."""
    found: list[dict[str, list[str]]] = []
    if facts.scope is not None:
        found.append({"key": [facts.scope.value]})
    if facts.serves_people:
        found.append({"session": [], "csrf": []} if facts.is_unsafe else {"session": []})
    return found


def _responses(facts: Facts, schemas: Schemas) -> Schema:
    found = {str(status): _success(facts, status, schemas) for status in facts.statuses}
    if facts.is_conditional_read:
        found["304"] = {
            "description": "Not modified: you have the present state.",
            "headers": _headers("XRequestID", "ETag"),
        }
    for status, refusal in problems.refusals(facts).items():
        found[str(status)] = {"$ref": f"#/components/responses/{refusal.name}"}
    if facts.path == READINESS:
        found["503"] = _not_ready(found["200"])
    return dict(sorted(found.items()))


def _success(facts: Facts, status: int, schemas: Schemas) -> Schema:
    headers = ["XRequestID"]
    if status == 204:
        return {"description": _DONE[status], "headers": _headers(*headers)}
    if status == 303:
        return {"description": _DONE[status], "headers": _headers(*headers, "Location", "SetCookie")}
    if facts.takes_key:
        headers.append("IdempotentReplayed")
    if facts.plan.is_conditional:
        headers.append("ETag")
    if facts.is_page:
        headers.append("Link")
    if status == 202:
        headers.append("Location")
    if facts.policy.picture:
        picture: Schema = {"type": "string", "contentMediaType": facts.answer_media_types[0]}
        return {
            "description": "The picture.",
            "headers": _headers(*headers),
            "content": {facts.answer_media_types[0]: {"schema": picture}},
        }
    is_text = facts.answer is str or facts.answer_media_types[0].startswith("text/")
    schema: Schema = {"type": "string"} if is_text else schemas.of_answer(facts.answer)
    return {
        "description": _DONE[status],
        "headers": _headers(*headers),
        "content": dict.fromkeys(facts.answer_media_types, _media(schema, f"answer:{facts.name}")),
    }


def _not_ready(ready: Schema) -> Schema:
    """The 503 of readiness, in a shape of its own. It is a problem only if readiness itself failed."""
    problem = problems.response(problems.REFUSALS[503])
    content, refused = ready["content"], problem["content"]
    assert isinstance(content, dict)
    assert isinstance(refused, dict)
    return {**problem, "description": "Not ready, and why.", "content": {**content, **refused}}


def _media(schema: Schema, name: str) -> Schema:
    return {"schema": schema, "example": EXAMPLES[name]} if name in EXAMPLES else {"schema": schema}


def _headers(*names: str) -> Schema:
    return {spelled(name): {"$ref": f"#/components/headers/{name}"} for name in names}
