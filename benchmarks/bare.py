"""What Guildhall is measured against: Litestar with nothing around it, answering the same bytes.

`GET /bytes` gives the bytes of a file; `PATCH /row` does one `UPDATE … RETURNING` through asyncpg.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import msgspec
from litestar import Litestar, Response, get, patch
from litestar.datastructures import State

_BYTES = Path(os.environ["BENCH_BYTES"]).read_bytes()
_UPDATE = "UPDATE bench_rows SET value = value || $2::jsonb, revision = revision + 1 WHERE id = $1 RETURNING value"


@get("/bytes", media_type="application/json")
async def read() -> Response[bytes]:
    return Response(_BYTES, media_type="application/json")


@patch("/row/{row_id:int}", media_type="application/json")
async def write(row_id: int, data: dict[str, int], state: State) -> Response[bytes]:
    async with state["pool"].acquire() as connection:
        value = await connection.fetchval(_UPDATE, row_id, msgspec.json.encode(data).decode())
    return Response(value.encode(), media_type="application/json")


@asynccontextmanager
async def _pool(app: Litestar) -> AsyncIterator[None]:
    app.state["pool"] = await asyncpg.create_pool(os.environ["BENCH_DATABASE_URL"], min_size=2, max_size=10)
    yield
    await app.state["pool"].close()


def create() -> Litestar:
    return Litestar([read, write], lifespan=[_pool], openapi_config=None, logging_config=None)
