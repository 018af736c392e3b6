"""The pages beside stubs of the routes that they ask."""

from litestar import Litestar, Response, get

from api.pages.controller import PagesController

GUILD = {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": ["string", "null"]}}}
ANSWER = {"200": {"description": "OK", "content": {"application/json": {"schema": GUILD}}}}
DOCUMENT: dict[str, object] = {
    "openapi": "3.1.0",
    "info": {"title": "Guildhall", "version": "1", "description": "What a *client* can rely on."},
    "security": [{"key": []}],
    "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    "paths": {
        "/v1/guilds": {
            "get": {
                "tags": ["guilds"],
                "operationId": "list_guilds",
                "summary": "The guilds that the caller may see.",
                "parameters": [{"name": "limit", "in": "query", "schema": {"type": ["integer", "null"]}}],
                "responses": ANSWER,
            }
        },
        "/v1/guilds/{guild_id}": {
            "put": {
                "tags": ["guilds"],
                "operationId": "put_guild",
                "summary": "The bot joined, or a name changed.",
                "parameters": [{"name": "guild_id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "requestBody": {"content": {"application/json": {"schema": GUILD}}},
                "responses": ANSWER,
            }
        },
    },
}


@get("/schema/openapi.json")
async def document() -> dict[str, object]:
    return DOCUMENT


@get("/v1/guilds")
async def guilds() -> dict[str, object]:
    return {"items": [{"id": "81384788765712384", "name": "answered-by-the-stub"}]}


def application(status: int, checks: dict[str, object]) -> Litestar:
    """The pages and a stub of what they ask: `/health/ready` with `status` and `checks`."""

    @get("/health/ready")
    async def ready() -> Response[dict[str, object]]:
        return Response({"checks": checks}, status_code=status)

    return Litestar([PagesController, ready, document, guilds], openapi_config=None)


READY = application(200, {"database": "ok", "migrations": "ok"})
NOT_READY = application(503, {"database": {"ok": False, "detail": "no <b>route</b>"}, "migrations": True})
