"""Deliveries as answers show and requests name them."""

from api.errors import NotFound
from api.lib import snowflakes
from api.webhooks.dtos import DeliveryView
from tables.sql import Row

_TEST = "test-"


def delivery_view(row: Row) -> DeliveryView:
    """The delivery of a row of the table."""
    return DeliveryView(
        id=delivery_id(row),
        event=row["type"],
        at=row["at"],
        status=row["status"],
        attempts=row["attempts"],
        outcome=row["outcome"],
        next_attempt_at=row["next_at"] if row["status"] == "pending" else None,
    )


def delivery_id(row: Row) -> str:
    """The `id` in a delivery's body: the event's; for a test, an id that no event has."""
    return f"{_TEST}{row['id']}" if row["position"] is None else str(row["position"])


def delivery_key(text: str) -> tuple[int | None, int | None]:
    """The position of the event, or the number of the test, that an id names. Raises `NotFound` if it is none."""
    number = snowflakes.parse(text.removeprefix(_TEST))
    if number is None:
        raise NotFound
    return (None, number) if text.startswith(_TEST) else (number, None)
