-- The picture behind a guild's cards.
CREATE TABLE card_backgrounds (
    id bigserial PRIMARY KEY,
    guild_id bigint NOT NULL REFERENCES guilds ON UPDATE CASCADE ON DELETE CASCADE,  -- The guild.
    picture bytea NOT NULL,           -- A JPEG, as Guildhall wrote it.
    digest varchar(64) NOT NULL DEFAULT NULL, -- Names the picture: its entity tag.
    width integer NOT NULL,           -- In pixels.
    height integer NOT NULL,          -- In pixels.
    uploaded_at timestamptz NOT NULL, -- When it was uploaded.
    CONSTRAINT card_backgrounds_guild_id_key UNIQUE (guild_id),
    CONSTRAINT card_backgrounds_picture_check CHECK (octet_length(picture) BETWEEN 1 AND 524288)
);
