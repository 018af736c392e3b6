/* Names stand beside `members`: its rows are rewritten by every event, and wider ones would cost each of them.
   What an event brings is compared with `members.names_digest`, so names that are known already cost no statement. */
-- How a member is called, and their avatar. A member of whom nothing of that is known has no row.
CREATE TABLE member_names (
    guild_id bigint NOT NULL,                   -- The guild.
    user_id bigint NOT NULL,                    -- The person's snowflake.
    username varchar(100),                      -- Their name on Discord; empty if unknown.
    display_name varchar(100),                  -- What they are called in the guild; empty if unknown.
    avatar varchar(34),                         -- Discord's hash of their avatar; empty if unknown or none.
    username_folded varchar(100) COLLATE "C",   -- The name without case and accents, to search by.
    sort_name varchar(100) COLLATE "C" NOT NULL,  -- The display name without case and accents; U+10FFFF, the last of all, where there is none.
    CONSTRAINT member_names_guild_user_key PRIMARY KEY (guild_id, user_id),
    CONSTRAINT member_names_members_fkey FOREIGN KEY (guild_id, user_id) REFERENCES members (guild_id, user_id) ON UPDATE CASCADE ON DELETE CASCADE
);
-- For lists in their order, and for search by display names.
CREATE INDEX member_names_sort_idx ON member_names (guild_id, sort_name, user_id);
-- For search by usernames: with the order of the list, so that no row is looked up to sort what was found.
CREATE INDEX member_names_username_idx ON member_names (guild_id, username_folded) INCLUDE (sort_name, user_id);

ALTER TABLE members
    ADD COLUMN names_digest integer NOT NULL DEFAULT 0,
    ADD COLUMN has_display_name boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN members.names_digest IS 'A digest of their row in member_names; 0: there is none.';
COMMENT ON COLUMN members.has_display_name IS 'Whether a display name is known: lists have those without one last.';
-- For the end of lists: members without a display name.
CREATE INDEX members_without_display_name_idx ON members (guild_id, user_id) WHERE NOT has_display_name;
