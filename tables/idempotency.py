"""Answers to requests with an `Idempotency-Key`, kept for a day."""

from piccolo.columns import JSONB, Array, BigInt, Bytea, Integer, Text, Timestamptz, Varchar
from piccolo.table import Table


class IdempotentAnswer(
    Table, tablename="idempotent_answers", help_text="An idempotency key: the request that holds it, or its answer."
):
    owner = Varchar(
        length=64, primary_key=True, default=None, null=False, help_text="The credential that sent it: key:7."
    )
    key = Varchar(length=255, default=None, null=False, help_text="Its idempotency key.")
    holder = Bytea(default=None, null=False, help_text="The request that has the key: a random number.")
    address = Bytea(default=None, null=False, help_text="SHA-256 of method, path and query.")
    body_hash = Bytea(default=None, null=True, help_text="SHA-256 of the body; empty while it is still coming in.")
    leased_until = Timestamptz(
        default=None,
        null=False,
        help_text="When another request may take the key if there is no answer by then.",
    )
    expires_at = Timestamptz(default=None, null=False, help_text="When it is deleted.")
    status = Integer(default=None, null=True, help_text="The status that was answered; empty while it runs.")
    headers = JSONB(default=None, null=True, help_text="The headers that are this answer's own.")
    body = Text(default=None, null=True, help_text="The body, as JSON; secrets are null.")
    user_ids = Array(
        BigInt(),
        default=list,
        null=False,
        help_text="The people whom the body names: erasing one of them deletes the answer.",
    )
    guild_id = BigInt(default=None, null=True, help_text="The guild that the request was about; empty: none.")

    @classmethod
    async def release(cls, owner: str, key: str, holder: bytes) -> None:
        """Releases a key, if this request still has it and nothing was answered."""
        ours = (cls.owner == owner) & (cls.key == key) & (cls.holder == holder)
        await cls.delete().where(ours, cls.status.is_null())
