"""Pictures that guilds upload, to lie behind their cards."""

from piccolo.columns import BigSerial, Bytea, ForeignKey, Integer, Timestamptz, Varchar
from piccolo.columns.base import OnDelete
from piccolo.constraints import Check, Unique
from piccolo.table import Table

from tables.guilds import Guild


class CardBackground(Table, tablename="card_backgrounds", help_text="The picture behind a guild's cards."):
    id = BigSerial(primary_key=True)
    guild_id = ForeignKey(Guild, default=None, null=False, on_delete=OnDelete.cascade, help_text="The guild.")
    picture = Bytea(default=None, null=False, help_text="A JPEG, as Guildhall wrote it.")
    digest = Varchar(length=64, default=None, null=False, help_text="Names the picture: its entity tag.")
    width = Integer(default=None, null=False, help_text="In pixels.")
    height = Integer(default=None, null=False, help_text="In pixels.")
    uploaded_at = Timestamptz(default=None, null=False, help_text="When it was uploaded.")

    card_backgrounds_guild_id_key = Unique([guild_id])
    card_backgrounds_picture_check = Check("octet_length(picture) BETWEEN 1 AND 524288")
