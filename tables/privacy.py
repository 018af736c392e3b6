"""What people choose about their data, for every guild at once, and what is left of those who were erased."""

from datetime import datetime

from piccolo.columns import BigInt, Boolean, Bytea, Timestamptz
from piccolo.columns.readable import Readable
from piccolo.constraints import Check
from piccolo.querystring import QueryString
from piccolo.table import Table


class PrivacyChoice(
    Table, tablename="privacy_choices", help_text="Someone who is hidden from boards, or whose events are dropped."
):
    user_id = BigInt(primary_key=True, default=None, null=False, help_text="The person's snowflake.")
    hidden_at = Timestamptz(
        default=None, null=True, help_text="Since when they are on no board; empty: they are public."
    )
    opted_out_at = Timestamptz(default=None, null=True, help_text="Since when their events are dropped; empty: kept.")

    @classmethod
    async def opt_out(cls, user_id: int, now: datetime) -> None:
        """Events are dropped from now on; someone who has opted out stays so since when they first did."""
        since = QueryString('coalesce({}, EXCLUDED."opted_out_at")', cls.opted_out_at)
        choice = cls(user_id=user_id, opted_out_at=now)
        await cls.insert(choice).on_conflict(cls.user_id, "DO UPDATE", [(cls.opted_out_at, since)])

    privacy_choices_user_id_check = Check("user_id > 0")

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.user_id])


class ErasedPerson(Table, tablename="erased_people", help_text="A tombstone: what happened before it is dropped."):
    digest = Bytea(
        primary_key=True,
        default=None,
        null=False,
        help_text="SHA-256 of the salt and the 8 bytes of the snowflake.",
    )
    guild_id = BigInt(
        default=None, null=False, help_text="The guild in which they were erased, or that they left; 0: everywhere."
    )
    erased_at = Timestamptz(
        default=None, null=False, help_text="What happened before then is dropped; the row goes after 8 days."
    )
    only_left = Boolean(
        default=False,
        null=False,
        help_text="Whether they only left: XP that is imported after that may bring them back.",
    )

    erased_people_digest_check = Check("length(digest) = 32")


class ErasureSalt(Table, tablename="erasure_salt", help_text="What tombstones are hashed with: one row."):
    salt = Bytea(primary_key=True, default=None, null=False, help_text="32 random bytes.")

    erasure_salt_salt_check = Check("length(salt) = 32")


class PseudonymKey(
    Table,
    tablename="pseudonym_key",
    help_text="What pseudonyms are made with, in one row: the application cannot read it.",
):
    inner_pad = Bytea(
        primary_key=True,
        default=None,
        null=False,
        help_text="A secret key of 64 bytes, each XOR 0x36, as HMAC has it.",
    )
    outer_pad = Bytea(default=None, null=False, help_text="The same key, each byte XOR 0x5c.")

    pseudonym_key_pads_check = Check("length(inner_pad) = 64 AND length(outer_pad) = 64")
