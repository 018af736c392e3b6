-- Every table with its columns, constraints and indexes, feature by feature. Functions and triggers follow in
-- initial_functions.sql. Once released, this file is never edited: a change of a table is a migration of its own.
--
-- The database keeps a line of `--` above a table, and behind or above a column, as its comment (sql_files.py). Words in
-- /* */, and those of indexes, are only for readers of this file.
--
-- DEFAULT NULL has no effect: Piccolo's declarations write it for a text without a default.

-- -------- Auth ------------------------------------------------------------------------------------------------

-- A bot's key. Only its SHA-256 is kept.
CREATE TABLE api_keys (
    id bigserial PRIMARY KEY,
    name varchar(100) NOT NULL DEFAULT NULL,                    -- What its maker calls it.
    prefix varchar(16) NOT NULL DEFAULT NULL,                   -- Its first characters, to know it by.
    hash bytea NOT NULL,                                        -- SHA-256 of the whole key.
    scopes varchar(32)[] NOT NULL DEFAULT NULL,                 -- What it may do.
    guild_ids bigint[],                                         -- The only guilds it sees; empty: all.
    rate_limit integer,                                         -- Requests a minute; empty: no limit.
    expires_at timestamptz,                                     -- When it ends by itself.
    revoked_at timestamptz,                                     -- When it was revoked.
    last_used_at timestamptz,                                   -- Its last use, to the minute.
    created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,  -- When it was made.
    changed_xid bigint NOT NULL DEFAULT 0,                      -- The transaction that last wrote this row; caches follow it.
    -- The first of the keys that this one replaces, whose budget of requests it spends; empty: itself.
    origin_id bigint,
    parent_id bigint,                                           -- The key that made it, with which it ends; empty: none did.
    CONSTRAINT api_keys_hash_key UNIQUE (hash),
    CONSTRAINT api_keys_hash_check CHECK (length(hash) = 32),
    CONSTRAINT api_keys_parent_check CHECK (parent_id <> id),
    CONSTRAINT api_keys_rate_limit_check CHECK (rate_limit > 0)
);
-- For the caches of every process, which ask twice a second for the rows that have changed.
CREATE INDEX api_keys_changed_xid_idx ON api_keys (changed_xid);
-- For the list of the keys that a key made, with those that have ended.
CREATE INDEX api_keys_children_idx ON api_keys (parent_id, id) WHERE parent_id IS NOT NULL;
-- For the lists of working and of revoked keys: neither reads the rows of the other.
CREATE INDEX api_keys_good_idx ON api_keys (id) WHERE revoked_at IS NULL;
-- For the list of the keys that may see a guild.
CREATE INDEX api_keys_guilds_idx ON api_keys USING gin (guild_ids) WITH (fastupdate = off) WHERE guild_ids IS NOT NULL;
-- For the successors of a key, which share its budget.
CREATE INDEX api_keys_origin_idx ON api_keys (origin_id) WHERE origin_id IS NOT NULL;
-- For the trigger that ends the keys that a key made.
CREATE INDEX api_keys_parent_idx ON api_keys (parent_id) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_revoked_idx ON api_keys (id) WHERE revoked_at IS NOT NULL;

-- A person's browser, logged in by Discord.
CREATE TABLE sessions (
    id bigserial PRIMARY KEY,
    hash bytea NOT NULL,                                          -- SHA-256 of what the browser's cookie holds.
    user_id bigint,                                               -- Who it is; empty if they were erased since.
    username varchar(100) NOT NULL DEFAULT NULL,                  -- Their name at Discord, at log-in.
    display_name varchar(100) DEFAULT NULL,                       -- The name that they show, at log-in.
    avatar varchar(100) DEFAULT NULL,                             -- Their picture at Discord, at log-in.
    access_token bytea,                                           -- Discord's token, encrypted; empty once it is revoked.
    refresh_token bytea,                                          -- What gets the next token, encrypted; empty likewise.
    token_expires_at timestamptz NOT NULL,                        -- When Discord's token ends.
    refreshing_until timestamptz,                                 -- Until when one process alone renews the token.
    created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,    -- When they logged in.
    last_used_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,  -- Its last use, to the minute.
    expires_at timestamptz NOT NULL,                              -- When it ends, however much it is used.
    ended_at timestamptz,                                         -- When it ended; the row goes a day later.
    changed_xid bigint NOT NULL DEFAULT 0,                        -- The transaction that last wrote this row; caches follow it.
    ip varchar(45) DEFAULT NULL,                                  -- The address that they logged in from.
    user_agent varchar(256) DEFAULT NULL,                         -- What the browser called itself, at log-in.
    CONSTRAINT sessions_hash_key UNIQUE (hash),
    CONSTRAINT sessions_hash_check CHECK (length(hash) = 32),
    CONSTRAINT sessions_user_check CHECK (user_id > 0)
);
-- For the caches of every process.
CREATE INDEX sessions_changed_xid_idx ON sessions (changed_xid);
-- For sessions whose tokens are still to be revoked, and for those to delete.
CREATE INDEX sessions_ended_at_idx ON sessions (ended_at) WHERE ended_at IS NOT NULL;
-- For all sessions of a person.
CREATE INDEX sessions_user_idx ON sessions (user_id);

-- A log-in that is done: what began it is good for one.
CREATE TABLE logins (
    id bigserial PRIMARY KEY,
    state_hash bytea NOT NULL,        -- SHA-256 of the state that Discord brought back.
    expires_at timestamptz NOT NULL,  -- When the state would have ended anyhow.
    CONSTRAINT logins_state_key UNIQUE (state_hash)
);
-- For deletion when they expire.
CREATE INDEX logins_expires_at_idx ON logins (expires_at);


-- -------- Guilds ----------------------------------------------------------------------------------------------

-- A community the bot is, or was, a member of.
CREATE TABLE guilds (
    id bigint PRIMARY KEY,                                      -- The guild's snowflake.
    name varchar(100) NOT NULL DEFAULT NULL,                    -- 1 to 100 characters.
    icon varchar(255) DEFAULT NULL,                             -- The hash of its icon, if it has one.
    owner_id bigint,                                            -- The snowflake of the user who owns it.
    locale varchar(35) NOT NULL DEFAULT 'en-US',                -- A BCP 47 language tag: en-US, de.
    timezone varchar(64) NOT NULL DEFAULT 'UTC',                -- An IANA name; its days and weeks go by it.
    revision bigint NOT NULL DEFAULT 1,                         -- Counts the changes of this row.
    roles_synced_at timestamptz,                                -- When the bot last sent the roles; empty before the first time.
    channels_synced_at timestamptz,                             -- When the bot last sent the channels; empty before the first time.
    created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,  -- When the bot first joined.
    updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,  -- When it last changed.
    deleted_at timestamptz,                                     -- When the bot left. It can be restored until the retention ends.
    changed_xid bigint NOT NULL DEFAULT 0,                      -- The transaction that last wrote this row; caches follow it.
    CONSTRAINT guilds_id_check CHECK (id > 0),
    CONSTRAINT guilds_name_check CHECK (name <> ''),
    CONSTRAINT guilds_owner_id_check CHECK (owner_id > 0)
);
-- For the caches of every process.
CREATE INDEX guilds_changed_xid_idx ON guilds (changed_xid);
-- For the purge at the end of the retention.
CREATE INDEX guilds_deleted_at_idx ON guilds (deleted_at) WHERE deleted_at IS NOT NULL;
-- For the list of deleted guilds.
CREATE INDEX guilds_deleted_idx ON guilds (id) WHERE deleted_at IS NOT NULL;

-- A role of a guild, as its bot last sent it.
CREATE TABLE guild_roles (
    id bigserial PRIMARY KEY,
    guild_id bigint NOT NULL REFERENCES guilds ON UPDATE CASCADE ON DELETE CASCADE,  -- The guild it belongs to.
    role_id bigint NOT NULL,                  -- The role's snowflake.
    name varchar(100) NOT NULL DEFAULT NULL,  -- 1 to 100 characters.
    position integer NOT NULL DEFAULT 0,      -- Where it stands in the list of roles.
    color integer NOT NULL DEFAULT 0,         -- RGB as one number, 0 to 16777215.
    CONSTRAINT guild_roles_guild_role_key UNIQUE (guild_id, role_id),
    CONSTRAINT guild_roles_color_check CHECK (color BETWEEN 0 AND 16777215),
    CONSTRAINT guild_roles_role_id_check CHECK (role_id > 0)
);

-- A channel of a guild, as its bot last sent it.
CREATE TABLE guild_channels (
    id bigserial PRIMARY KEY,
    guild_id bigint NOT NULL REFERENCES guilds ON UPDATE CASCADE ON DELETE CASCADE,  -- The guild it belongs to.
    channel_id bigint NOT NULL,               -- The channel's snowflake.
    name varchar(100) NOT NULL DEFAULT NULL,  -- 1 to 100 characters.
    type integer NOT NULL DEFAULT 0,          -- The kind of channel, as Discord numbers it; 0 is text.
    parent_id bigint,                         -- The snowflake of its category.
    position integer NOT NULL DEFAULT 0,      -- Where it stands in the list of channels.
    CONSTRAINT guild_channels_guild_channel_key UNIQUE (guild_id, channel_id),
    CONSTRAINT guild_channels_channel_id_check CHECK (channel_id > 0)
);


-- -------- Settings --------------------------------------------------------------------------------------------

-- A module of settings that a bot registered with its schema.
CREATE TABLE modules (
    name varchar(64) DEFAULT NULL PRIMARY KEY,                  -- Its name in addresses.
    version integer NOT NULL DEFAULT 1,                         -- Counts the changes of its schema.
    title varchar(100) DEFAULT NULL,                            -- What a dashboard calls it.
    description varchar(1000) DEFAULT NULL,                     -- What it is for, in a sentence.
    schema jsonb NOT NULL,                                      -- JSON Schema 2020-12, a default for every property.
    created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,  -- When it was registered.
    updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,  -- When it last changed.
    changed_xid bigint NOT NULL DEFAULT 0,                      -- The transaction that last wrote this row; caches follow it.
    CONSTRAINT modules_name_check CHECK (name ~ '^[a-z][a-z0-9_]{0,63}$')
);
-- For the caches of every process.
CREATE INDEX modules_changed_xid_idx ON modules (changed_xid);

-- What a guild overrides in one module of settings.
CREATE TABLE guild_settings (
    id bigserial PRIMARY KEY,
    guild_id bigint NOT NULL REFERENCES guilds ON UPDATE CASCADE ON DELETE CASCADE,  -- The guild whose settings they are.
    module varchar(64) NOT NULL DEFAULT NULL,                   -- The module's name.
    overrides jsonb NOT NULL DEFAULT '{}',                      -- Only what differs from the module's defaults.
    revision integer NOT NULL DEFAULT 1,                        -- Counts the changes; the first is 1.
    updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,  -- When they last changed.
    changed_xid bigint NOT NULL DEFAULT 0,                      -- The transaction that last wrote this row; caches follow it.
    CONSTRAINT guild_settings_guild_module_key UNIQUE (guild_id, module),
    CONSTRAINT guild_settings_revision_check CHECK (revision > 0)
);
-- For the caches of every process.
CREATE INDEX guild_settings_changed_xid_idx ON guild_settings (changed_xid);
-- For all guilds that override a module, when its schema evolves.
CREATE INDEX guild_settings_module_guild_idx ON guild_settings (module, guild_id);

-- One change of a guild's settings: who, when, why, before and after. Never edited.
CREATE TABLE guild_settings_revisions (
    id bigserial PRIMARY KEY,
    guild_id bigint NOT NULL REFERENCES guilds ON UPDATE CASCADE ON DELETE CASCADE,  -- The guild whose settings changed.
    module varchar(64) NOT NULL DEFAULT NULL,           -- The module's name.
    revision integer NOT NULL,                          -- The revision that this change made.
    at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,  -- When it was changed.
    actor_kind varchar(8) NOT NULL DEFAULT NULL,        -- key, user, admin or system.
    actor_id varchar(64) DEFAULT NULL,                  -- Which key, user or admin.
    reason text,                                        -- Why, as the one who changed it said.
    before jsonb NOT NULL DEFAULT '{}',                 -- The overrides before.
    after jsonb NOT NULL DEFAULT '{}',                  -- The overrides after.
    changes jsonb NOT NULL DEFAULT '{}',                -- Effective values before and after, by property.
    CONSTRAINT guild_settings_revisions_guild_module_revision_key UNIQUE (guild_id, module, revision)
);


-- -------- Activity --------------------------------------------------------------------------------------------

/* The tables of activity and of leaderboards have no foreign keys: these would cost each event a look-up. A trigger of
   `guilds` deletes the rows. */
-- Which events have been counted. Parts are weeks of delivery; imported ones have a part of their own.
CREATE TABLE activity_ids (
    guild_id bigint NOT NULL,             /* The guild. */
    id varchar(64) COLLATE "C" NOT NULL,  /* The id that the guild's bot gave the event. */
    week date NOT NULL,                   /* The Monday of the week in which it came; a date of its own: imported. */
    CONSTRAINT activity_ids_guild_id_week_key PRIMARY KEY (guild_id, id, week)
) PARTITION BY RANGE (week);
-- The partition of imported ids, which stay as long as their guild. `guildhall_make_part` makes the others.
CREATE TABLE activity_ids_9999_12_27 PARTITION OF activity_ids FOR VALUES FROM ('9999-12-27') TO ('10000-01-03');

-- What a member did on a day in the timezone of the guild; user 0 is the whole guild.
CREATE TABLE activity_days (
    guild_id bigint NOT NULL,                 /* The guild. */
    day date NOT NULL,                        /* The day, by the guild's zone. */
    user_id bigint NOT NULL,                  /* The member; 0: the guild as a whole. */
    xp bigint NOT NULL DEFAULT 0,             /* By how much their XP rose or fell. */
    messages bigint NOT NULL DEFAULT 0,       /* Messages written. */
    voice_seconds bigint NOT NULL DEFAULT 0,  /* Seconds in voice channels. */
    reactions bigint NOT NULL DEFAULT 0,      /* Reactions given. */
    commands bigint NOT NULL DEFAULT 0,       /* Commands used. */
    earned_xp bigint NOT NULL DEFAULT 0,      /* What of the XP events earned: the daily cap counts it. */
    events bigint NOT NULL DEFAULT 0,         /* Events that were counted. */
    CONSTRAINT activity_days_guild_day_user_key PRIMARY KEY (guild_id, day, user_id)
) PARTITION BY RANGE (day);

-- What a member did in an hour; user 0 is the whole guild. Kept for a shorter time than days.
CREATE TABLE activity_hours (
    guild_id bigint NOT NULL,                 /* The guild. */
    hour timestamptz NOT NULL,                /* When the hour begins, by the guild's zone. */
    user_id bigint NOT NULL,                  /* The member; 0: the guild as a whole. */
    xp bigint NOT NULL DEFAULT 0,             /* By how much their XP rose or fell. */
    messages bigint NOT NULL DEFAULT 0,       /* Messages written. */
    voice_seconds bigint NOT NULL DEFAULT 0,  /* Seconds in voice channels. */
    reactions bigint NOT NULL DEFAULT 0,      /* Reactions given. */
    commands bigint NOT NULL DEFAULT 0,       /* Commands used. */
    CONSTRAINT activity_hours_guild_hour_user_key PRIMARY KEY (guild_id, hour, user_id)
) PARTITION BY RANGE (hour);

-- Amounts of custom stats by day in the timezone of the guild.
CREATE TABLE custom_stat_days (
    guild_id bigint NOT NULL,               /* The guild. */
    stat varchar(64) COLLATE "C" NOT NULL,  /* The stat's name. */
    day date NOT NULL,                      /* The day, by the guild's zone. */
    user_id bigint NOT NULL,                /* The member; 0: the guild as a whole. */
    value bigint NOT NULL DEFAULT 0,        /* The sum of the day's amounts. */
    CONSTRAINT custom_stat_days_guild_stat_day_user_key PRIMARY KEY (guild_id, stat, day, user_id)
) PARTITION BY RANGE (day);


-- -------- Members ---------------------------------------------------------------------------------------------

/* The fill factor leaves room in each page: a row that changes often then keeps its page, and no index is written. */
-- A person in a guild: XP, stats, streak.
CREATE TABLE members (
    id bigserial PRIMARY KEY,
    guild_id bigint NOT NULL REFERENCES guilds ON UPDATE CASCADE ON DELETE CASCADE,  -- The guild.
    user_id bigint NOT NULL,                  -- The person's snowflake.
    xp bigint NOT NULL DEFAULT 0,             -- All XP, from 0 to 2^53. The level comes of it and the guild's curve.
    messages bigint NOT NULL DEFAULT 0,       -- Messages written.
    voice_seconds bigint NOT NULL DEFAULT 0,  -- Seconds in voice channels.
    reactions bigint NOT NULL DEFAULT 0,      -- Reactions given.
    commands bigint NOT NULL DEFAULT 0,       -- Commands used.
    last_xp_at timestamptz,                   -- When a message last earned XP: the cooldown's start.
    streak_from date,                         -- First day of the latest run of active days, the guild's.
    streak_to date,                           -- Last day of that run.
    streak_best integer NOT NULL DEFAULT 0,   -- Days of the longest run.
    first_seen_at timestamptz,                -- The earliest event; empty if unknown.
    last_active_at timestamptz,               -- The latest event; empty if unknown.
    left_at timestamptz,                      -- When they left; empty while they are there.
    is_ranked boolean NOT NULL DEFAULT true,  -- Whether boards and ranks count them: not hidden, not left with `hide`.
    CONSTRAINT members_guild_user_key UNIQUE (guild_id, user_id),
    CONSTRAINT members_user_id_check CHECK (user_id > 0),
    CONSTRAINT members_xp_check CHECK (xp BETWEEN 0 AND 9007199254740992)
) WITH (fillfactor = 85);
-- For members who are on no leaderboard: they are few, and every leaderboard of days leaves them out.
CREATE INDEX members_unranked_idx ON members (guild_id, user_id) WHERE NOT is_ranked;
-- For a person in all guilds: hiding, export, erasure.
CREATE INDEX members_user_idx ON members (user_id);

-- A member's total of a stat that the guild's bot counts.
CREATE TABLE custom_stats (
    id bigserial PRIMARY KEY,
    guild_id bigint NOT NULL REFERENCES guilds ON UPDATE CASCADE ON DELETE CASCADE,  -- The guild.
    user_id bigint NOT NULL,                 -- The person's snowflake.
    stat varchar(64) NOT NULL DEFAULT NULL,  -- The stat's name.
    value bigint NOT NULL DEFAULT 0,         -- The sum of all amounts.
    CONSTRAINT custom_stats_guild_user_stat_key UNIQUE (guild_id, user_id, stat)
);
-- For the leaderboard of a stat, in its order.
CREATE INDEX custom_stats_board_idx ON custom_stats (guild_id, stat, value DESC, user_id);
-- For a person in all guilds: export, erasure.
CREATE INDEX custom_stats_user_idx ON custom_stats (user_id);

-- A stat that a guild's bot counts, by its name.
CREATE TABLE custom_stat_names (
    id bigserial PRIMARY KEY,
    guild_id bigint NOT NULL REFERENCES guilds ON UPDATE CASCADE ON DELETE CASCADE,  -- The guild.
    stat varchar(64) NOT NULL DEFAULT NULL,  -- The stat's name: a guild has so many and no more.
    CONSTRAINT custom_stat_names_guild_stat_key UNIQUE (guild_id, stat)
);


-- -------- Leaderboards ----------------------------------------------------------------------------------------

/* A row for the XP of each ranked member, and for each of their stats that is not 0. In a table of its own, so that a
   change of one number writes to one index, and not to all indexes of `members`: docs/decisions/ranks.md. */
-- Ranked members by XP and by stats, in the order of the all-time boards.
CREATE TABLE boards (
    guild_id bigint NOT NULL,  /* The guild. */
    stat integer NOT NULL,     /* 0: XP; otherwise the stat's number. */
    value bigint NOT NULL,     /* The number; of a stat never 0. */
    user_id bigint NOT NULL    /* The member. */
);
-- For a leaderboard in its order, and for a place in it.
CREATE UNIQUE INDEX boards_guild_stat_value_user_key ON boards (guild_id, stat, value DESC, user_id);

/* How many ranked members of a guild have XP with the same first `kept` bits as `low`. A rank is the sum of a few rows. */
-- Counters from which exact ranks come: see docs/architecture.md.
CREATE TABLE xp_counts (
    guild_id bigint NOT NULL,  /* The guild. */
    kept integer NOT NULL,     /* How many of the first bits are the same: 1 or 8. */
    low bigint NOT NULL,       /* The least XP that has them. */
    members bigint NOT NULL,   /* How many members have them. */
    CONSTRAINT xp_counts_guild_kept_low_key PRIMARY KEY (guild_id, kept, low)
);

/* This table and the next two serve leaderboards of long windows: docs/decisions/boards-of-periods.md. */
-- The days up to which activity_totals has the sums of all members of a guild.
CREATE TABLE activity_checkpoints (
    guild_id bigint NOT NULL,                 /* The guild. */
    day date NOT NULL,                        /* The last day of the month. */
    is_stale boolean NOT NULL DEFAULT false,  /* Whether its sums are no longer read, and go. */
    CONSTRAINT activity_checkpoints_guild_day_key PRIMARY KEY (guild_id, day)
);

-- What a member of a large guild did from its first checkpoint up to a day, the last of a month.
CREATE TABLE activity_totals (
    guild_id bigint NOT NULL,       /* The guild. */
    day date NOT NULL,              /* The last day of the month. */
    user_id bigint NOT NULL,        /* The member. */
    xp bigint NOT NULL,             /* XP of all days up to then. */
    messages bigint NOT NULL,       /* Messages written. */
    voice_seconds bigint NOT NULL,  /* Seconds in voice channels. */
    reactions bigint NOT NULL,      /* Reactions given. */
    commands bigint NOT NULL,       /* Commands used. */
    CONSTRAINT activity_totals_guild_day_user_key PRIMARY KEY (guild_id, day, user_id)
);

-- The earliest day of a guild that was written to late: sums from there on are not true.
CREATE TABLE activity_rewrites (
    guild_id bigint NOT NULL,  /* The guild. */
    day date NOT NULL,         /* The first day that was written to again. */
    CONSTRAINT activity_rewrites_guild_key PRIMARY KEY (guild_id)
);


-- -------- Achievements ----------------------------------------------------------------------------------------

-- What members can earn, and by what.
CREATE TABLE achievements (
    id bigserial PRIMARY KEY,
    guild_id bigint REFERENCES guilds ON UPDATE CASCADE ON DELETE CASCADE,  -- The guild it belongs to; empty: every guild.
    key varchar(64) NOT NULL DEFAULT NULL,                      -- Its name in addresses.
    name varchar(100) NOT NULL DEFAULT NULL,                    -- What members read.
    description text,                                           -- How it is earned, in words.
    icon varchar(255) DEFAULT NULL,                             -- An emoji or the address of a picture.
    hidden boolean NOT NULL DEFAULT false,                      -- Whether only those who have it see it.
    prerequisites jsonb NOT NULL DEFAULT '[]',                  -- Keys of the achievements that come before it.
    condition jsonb NOT NULL,                                   -- A tree of all, any and comparisons.
    reward_xp bigint NOT NULL DEFAULT 0,                        -- XP that comes with it.
    reward_role_id bigint,                                      -- The role that comes with it.
    retroactive boolean NOT NULL DEFAULT false,                 -- Whether those who meet it already are given it in the background.
    revision integer NOT NULL DEFAULT 1,                        -- Counts the changes; the first is 1.
    created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,  -- When it was made.
    updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,  -- When it last changed.
    deleted_at timestamptz,                                     -- Since when it cannot be earned. It can be restored until the retention ends.
    changed_xid bigint NOT NULL DEFAULT 0,                      -- The transaction that last wrote this row; caches follow it.
    CONSTRAINT achievements_key_check CHECK (key ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
    CONSTRAINT achievements_revision_check CHECK (revision > 0),
    CONSTRAINT achievements_reward_role_id_check CHECK (reward_role_id > 0),
    CONSTRAINT achievements_reward_xp_check CHECK (reward_xp BETWEEN 0 AND 9007199254740992)
);
-- For the caches of every process.
CREATE INDEX achievements_changed_xid_idx ON achievements (changed_xid);
-- For a guild's list.
CREATE INDEX achievements_guild_idx ON achievements (guild_id, id);
-- A key is unique in a guild, and in the whole installation.
CREATE UNIQUE INDEX achievements_guild_key_key ON achievements (coalesce(guild_id, 0), key);

-- An achievement that a member has, or had.
CREATE TABLE achievement_awards (
    id bigserial PRIMARY KEY,
    achievement_id bigint NOT NULL REFERENCES achievements ON UPDATE CASCADE ON DELETE CASCADE,  -- Which achievement.
    member_id bigint NOT NULL REFERENCES members ON UPDATE CASCADE ON DELETE CASCADE,  -- The member's row: with it the award goes.
    guild_id bigint NOT NULL,                                   -- The member's guild.
    user_id bigint NOT NULL,                                    -- The member's snowflake.
    name varchar(100) NOT NULL DEFAULT NULL,                    -- The achievement's name when it was awarded.
    xp bigint NOT NULL DEFAULT 0,                               -- XP that was given with it, and not taken back.
    role_id bigint,                                             -- The role that came with it.
    awarded_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,  -- When.
    awarded_by varchar(80) DEFAULT NULL,                        -- Who awarded it by hand; empty: it was earned.
    revoked_at timestamptz,                                     -- Since when it is taken away; empty: they have it.
    revoked_by varchar(80) DEFAULT NULL,                        -- Who took it away.
    CONSTRAINT achievement_awards_member_achievement_key UNIQUE (member_id, achievement_id),
    CONSTRAINT achievement_awards_user_id_check CHECK (user_id > 0),
    CONSTRAINT achievement_awards_xp_check CHECK (xp >= 0)
);
-- For the members who have an achievement, page by page.
CREATE INDEX achievement_awards_achievement_member_idx ON achievement_awards (achievement_id, member_id);
-- For a person in all guilds: export, erasure.
CREATE INDEX achievement_awards_user_idx ON achievement_awards (user_id);

-- How many members of a guild have an achievement.
CREATE TABLE achievement_counts (
    id bigserial PRIMARY KEY,
    achievement_id bigint NOT NULL REFERENCES achievements ON UPDATE CASCADE ON DELETE CASCADE,  -- Which achievement.
    guild_id bigint NOT NULL REFERENCES guilds ON UPDATE CASCADE ON DELETE CASCADE,  -- In which guild.
    awarded bigint NOT NULL DEFAULT 0,  -- How many members have it now.
    CONSTRAINT achievement_counts_achievement_guild_key UNIQUE (achievement_id, guild_id)
);
-- For the cascade from `guilds`.
CREATE INDEX achievement_counts_guild_idx ON achievement_counts (guild_id);

-- How far it is found out who meets a new or changed achievement already.
CREATE TABLE achievement_awardings (
    achievement_id bigint PRIMARY KEY,            -- Which achievement.
    status varchar(8) NOT NULL DEFAULT 'queued',  -- queued, running, finished or failed.
    after_guild_id bigint NOT NULL DEFAULT 0,     -- The guild that is being looked at.
    after_user_id bigint NOT NULL DEFAULT 0,      -- The last member there who was looked at.
    looked_at bigint NOT NULL DEFAULT 0,          -- Members who were looked at.
    members bigint NOT NULL DEFAULT 0,            -- Members there were when it began.
    awarded bigint NOT NULL DEFAULT 0,            -- Members who were given it.
    finished_at timestamptz,                      -- When it ended; empty before.
    CONSTRAINT achievement_awardings_status_check CHECK (status IN ('queued', 'running', 'finished', 'failed'))
);

/* Triggers keep this table and the counters before it, so that rarity reads two rows: docs/decisions/achievements.md. */
-- How many members of a guild are known in all.
CREATE TABLE member_counts (
    guild_id bigint PRIMARY KEY,        -- The guild.
    members bigint NOT NULL DEFAULT 0   -- All of them: hidden ones and those who left, too.
);

-- What the counters of all guilds come to. Each subject has a few rows, whose sum it is: as many as transactions have counted at once.
CREATE TABLE installation_counts (
    id bigint GENERATED ALWAYS AS IDENTITY,  /* PostgreSQL numbers the rows. */
    subject bigint NOT NULL,                 -- The achievement, of the whole installation; 0: members.
    total bigint NOT NULL,                   -- A part of the sum; may be below 0.
    CONSTRAINT installation_counts_subject_id_key PRIMARY KEY (subject, id)
);
-- There is no member yet.
INSERT INTO installation_counts (subject, total) VALUES (0, 0);


-- -------- Events ----------------------------------------------------------------------------------------------

/* The transaction of a change writes its event here. Ids follow the order of writing, not that of commits. There is no
   foreign key, since events report the end of a guild: docs/decisions/event-stream.md. */
-- Events of changes that were committed and that have no position in the stream yet: for moments only.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY,          /* In the order in which they were written. */
    guild_id bigint,                                 -- The guild it is about; empty: every guild.
    type varchar(64) NOT NULL,                       -- What happened: settings.updated, …
    data jsonb NOT NULL,                             -- What the stream tells of it.
    user_id bigint,                                  -- The person it is about, if it is about one: erasing them empties `data`.
    at timestamptz NOT NULL DEFAULT now(),           -- When the transaction of the change began.
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),  -- The transaction that wrote it.
    CONSTRAINT outbox_id_key PRIMARY KEY (id)
);
-- For a person in all guilds: erasure.
CREATE INDEX outbox_user_idx ON outbox (user_id) WHERE user_id IS NOT NULL;
-- For a round of numbering, which asks by transaction for events that the last one did not see.
CREATE INDEX outbox_xid_idx ON outbox (xid);

-- The event stream: what clients read, in the order of its positions. Parts are days, kept for seven.
CREATE TABLE stream_events (
    position bigint NOT NULL,   -- Its id in the stream: rises by one, and is given when the change is committed.
    day date NOT NULL,          -- The day, in UTC, on which it got its position.
    guild_id bigint,            -- The guild it is about; empty: every guild.
    type varchar(64) NOT NULL,  -- What happened: settings.updated, …
    data jsonb NOT NULL,        -- What the stream tells of it.
    user_id bigint,             -- The person it is about, if it is about one: erasing them empties `data`.
    at timestamptz NOT NULL,    -- When the transaction of the change began.
    CONSTRAINT stream_events_position_day_key PRIMARY KEY (position, day)
) PARTITION BY RANGE (day);
-- For a person in all guilds: erasure.
CREATE INDEX stream_events_user_idx ON stream_events (user_id) WHERE user_id IS NOT NULL;

-- How far the stream is: one row, which each round writes anew.
CREATE TABLE stream_position (
    newest bigint NOT NULL DEFAULT 0,          -- The position of the newest event; 0 before the first.
    round bigint NOT NULL DEFAULT 0,           -- Rises by one, so that the row is the last of its index.
    seen pg_snapshot NOT NULL DEFAULT '1:1:',  -- What it saw has its position, but for what lies between the next two.
    after_id bigint,                           -- Of more than a round may do: after which id it goes on.
    until_id bigint                            -- Of more than a round may do: up to which id; empty: all is done.
);
-- The newest row is the last of the index, however many dead rows lie before it.
CREATE UNIQUE INDEX stream_position_round_idx ON stream_position (round);
INSERT INTO stream_position DEFAULT VALUES;


-- -------- Webhooks --------------------------------------------------------------------------------------------

-- An address to which a guild's events are sent.
CREATE TABLE webhooks (
    id bigserial PRIMARY KEY,
    guild_id bigint NOT NULL REFERENCES guilds ON UPDATE CASCADE ON DELETE CASCADE,  -- The guild.
    url text NOT NULL,                                          -- Where events are sent.
    types varchar(64)[] NOT NULL DEFAULT '{}',                  -- Which events; empty: all.
    secret bytea NOT NULL,                                      -- What signs, encrypted.
    disabled_at timestamptz,                                    -- Since when nothing is sent; empty: it is.
    failing_since timestamptz,                                  -- Since when nothing arrives; empty: it does.
    failures integer NOT NULL DEFAULT 0,                        -- How often in a row nothing arrived.
    rests_until timestamptz,                                    -- Until when it is left alone after a failure.
    due_at timestamptz,                                         -- When there is something to send; empty: nothing.
    holder bytea,                                               -- The process that is sending; empty: none.
    held_until timestamptz,                                     -- When others may send if that one is silent.
    created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,  -- When it was made.
    scopes varchar(64)[] NOT NULL DEFAULT '{}',                 -- Of what its maker could read, what bounds the data that it is sent.
    -- The first of the keys in whose line it was made: it ends with them; empty: a person made it.
    key_id bigint,
    done_id bigint NOT NULL DEFAULT 0,                          -- Of its deliveries none up to this one is yet to be tried for the first time.
    CONSTRAINT webhooks_url_check CHECK (url ~ '^https?://')
);
-- For webhooks with something to send.
CREATE INDEX webhooks_due_idx ON webhooks (due_at) WHERE due_at IS NOT NULL;
-- For a guild's list.
CREATE INDEX webhooks_guild_idx ON webhooks (guild_id, id);

-- An event for a webhook, and what became of it. Kept for a week.
CREATE TABLE webhook_deliveries (
    id bigserial PRIMARY KEY,
    webhook_id bigint NOT NULL REFERENCES webhooks ON UPDATE CASCADE ON DELETE CASCADE,  -- The webhook.
    position bigint,                                         -- The event's position in the stream; empty: a test.
    day date,                                                -- The part of the stream in which it is; empty: a test.
    type varchar(64) NOT NULL DEFAULT NULL,                  -- The event's type.
    at timestamptz NOT NULL,                                 -- When it happened.
    status varchar(9) NOT NULL DEFAULT 'pending',            -- pending, delivered or failed.
    attempts integer NOT NULL DEFAULT 0,                     -- How often it was tried.
    next_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,  -- When it is tried next.
    outcome varchar(200) DEFAULT NULL,                       -- What came of the last try: a status, or why none.
    CONSTRAINT webhook_deliveries_status_check CHECK (status IN ('pending', 'delivered', 'failed'))
);
-- For deletion by age.
CREATE INDEX webhook_deliveries_done_idx ON webhook_deliveries (at) WHERE status <> 'pending';
-- For the deliveries that a webhook is still owed, in order.
CREATE INDEX webhook_deliveries_pending_idx ON webhook_deliveries (webhook_id, id) WHERE status = 'pending';
-- For deliveries that failed and are tried again; the others are those after `done_id`.
CREATE INDEX webhook_deliveries_retried_idx ON webhook_deliveries (webhook_id, next_at) WHERE status = 'pending' AND attempts > 0;
-- For the deliveries of a webhook, newest first.
CREATE INDEX webhook_deliveries_webhook_idx ON webhook_deliveries (webhook_id, id DESC);

-- How far it is written what webhooks are owed: one row, which each round writes anew.
CREATE TABLE webhook_position (
    position bigint NOT NULL,         -- The last event of which it is written who is owed it.
    webhook_id bigint,                -- Of the event after it, which concerns every guild: the last webhook that is seen to; empty: none.
    round bigint NOT NULL DEFAULT 0   -- Rises by one, so that the row is the last of its index.
);
-- As in stream_position, the newest row is the last of the index.
CREATE UNIQUE INDEX webhook_position_round_idx ON webhook_position (round);
INSERT INTO webhook_position (position) VALUES (0);


-- -------- Audit -----------------------------------------------------------------------------------------------

-- One change. The application may add and read entries, and has no right to alter them.
CREATE TABLE audit_log (
    id bigserial PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,  -- When it happened.
    guild_id bigint,                                    -- The guild it is about; empty for the whole installation. Outlives the guild.
    actor_kind varchar(8) NOT NULL DEFAULT NULL,        -- key, user, admin or system.
    actor_id varchar(64) DEFAULT NULL,                  -- Which key, user or admin.
    action varchar(64) NOT NULL DEFAULT NULL,           -- What was done: settings.updated, …
    target varchar(255) DEFAULT NULL,                   -- What it was done to.
    reason text,                                        -- Why, as the one who did it said.
    changes jsonb NOT NULL DEFAULT '{}',                -- Values before and after, by name.
    ip varchar(45) DEFAULT NULL,                        -- The address that it came from.
    request_id varchar(128) DEFAULT NULL,               -- Finds the request in the log.
    CONSTRAINT audit_log_actor_kind_check CHECK (actor_kind IN ('key', 'user', 'admin', 'system'))
);
-- For a guild's audit log, newest first: by action, by actor, or all of it.
CREATE INDEX audit_log_guild_action_idx ON audit_log (guild_id, action, id DESC);
CREATE INDEX audit_log_guild_actor_idx ON audit_log (guild_id, actor_id, id DESC);
CREATE INDEX audit_log_guild_id_idx ON audit_log (guild_id, id DESC);


-- -------- Privacy ---------------------------------------------------------------------------------------------

-- Someone who is hidden from boards, or whose events are dropped.
CREATE TABLE privacy_choices (
    user_id bigint PRIMARY KEY,  -- The person's snowflake.
    hidden_at timestamptz,       -- Since when they are on no board; empty: they are public.
    opted_out_at timestamptz,    -- Since when their events are dropped; empty: kept.
    CONSTRAINT privacy_choices_user_id_check CHECK (user_id > 0)
);

-- People who were erased, or left a guild that resets those who leave, by a salted hash, so that what comes late does not bring them back.
CREATE TABLE erased_people (
    digest bytea NOT NULL,                     -- SHA-256 of the salt and the 8 bytes of the snowflake.
    guild_id bigint NOT NULL,                  -- The guild in which they were erased, or that they left; 0: everywhere.
    erased_at timestamptz NOT NULL,            -- What happened before then is dropped; the row goes after 8 days.
    only_left boolean NOT NULL DEFAULT false,  -- Whether they only left: XP that is imported after that may bring them back.
    CONSTRAINT erased_people_digest_guild_key PRIMARY KEY (digest, guild_id),
    CONSTRAINT erased_people_digest_check CHECK (length(digest) = 32)
);

-- The salt of the hashes of people who were erased.
CREATE TABLE erasure_salt (
    salt bytea NOT NULL,  -- 32 random bytes.
    CONSTRAINT erasure_salt_salt_check CHECK (length(salt) = 32)
);
-- One row, different in every installation. Two of these are 244 random bits.
INSERT INTO erasure_salt SELECT sha256(convert_to(gen_random_uuid()::text || gen_random_uuid(), 'UTF8'));

-- The key of the words that stand for erased people. The application cannot read it.
CREATE TABLE pseudonym_key (
    inner_pad bytea NOT NULL,  -- A secret key of 64 bytes, each XOR 0x36, as HMAC has it.
    outer_pad bytea NOT NULL,  -- The same key, each byte XOR 0x5c.
    CONSTRAINT pseudonym_key_pads_check CHECK (length(inner_pad) = 64 AND length(outer_pad) = 64)
);
-- One row, different in every installation. Four of these are 488 random bits.
INSERT INTO pseudonym_key (inner_pad, outer_pad)
SELECT
    decode(string_agg(lpad(to_hex(get_byte(secret, n) # 54), 2, '0'), '' ORDER BY n), 'hex'),
    decode(string_agg(lpad(to_hex(get_byte(secret, n) # 92), 2, '0'), '' ORDER BY n), 'hex')
FROM (
    SELECT sha512(convert_to(
        concat(gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid()), 'UTF8'
    )) AS secret OFFSET 0
) AS made, generate_series(0, 63) AS n;


-- -------- Imports ---------------------------------------------------------------------------------------------

-- A file that was sent in, and what became of its rows.
CREATE TABLE imports (
    id bigserial PRIMARY KEY,
    guild_id bigint NOT NULL REFERENCES guilds ON UPDATE CASCADE ON DELETE CASCADE,  -- The guild whose standings it changes.
    source varchar(16) NOT NULL DEFAULT NULL,                   -- Where the file is from: mee6, csv, events, …
    mode varchar(8) DEFAULT NULL,                               -- set, add or max; empty for events.
    dry_run boolean NOT NULL DEFAULT false,                     -- Whether it only tells what would change.
    takes_settings boolean NOT NULL DEFAULT false,              -- Whether the file's settings are taken too.
    status varchar(8) NOT NULL DEFAULT 'queued',                -- queued, running, finished or failed.
    progress double precision NOT NULL DEFAULT 0.0,             -- How much of it is done, from 0 to 1.
    bytes bigint NOT NULL DEFAULT 0,                            -- The size of the file.
    position bigint NOT NULL DEFAULT 0,                         -- Rows of the file that are done: a restart goes on after them.
    reached jsonb,                                              -- The last event that was counted; empty before the first.
    imported bigint NOT NULL DEFAULT 0,                         -- Rows that changed something.
    unchanged bigint NOT NULL DEFAULT 0,                        -- Rows that changed nothing.
    refused bigint NOT NULL DEFAULT 0,                          -- Rows that could not be taken.
    refused_rows jsonb NOT NULL DEFAULT '[]',                   -- The first 1,000 of these, and why.
    preview jsonb NOT NULL DEFAULT '[]',                        -- Of a dry run: what would become of the first 100 members.
    actor_kind varchar(8) NOT NULL DEFAULT NULL,                -- key, user, admin or system.
    actor_id varchar(64) DEFAULT NULL,                          -- Which key, user or admin asked for it.
    reason text,                                                -- Why, as the one who asked said.
    ip varchar(45) DEFAULT NULL,                                -- The address that it came from.
    request_id varchar(128) DEFAULT NULL,                       -- Finds the request in the log.
    created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,  -- When it was asked for.
    finished_at timestamptz,                                    -- When it ended; empty before.
    session_id bigint,                                          -- The session of a person who asked: with it the import ends.
    digest bytea,                                               -- SHA-256 of the file: it is known when it is sent again.
    counted_before bigint NOT NULL DEFAULT 0,                   -- Rows that an earlier try, which failed, has counted.
    CONSTRAINT imports_status_check CHECK (status IN ('queued', 'running', 'finished', 'failed'))
);
-- A guild has one active import at a time.
CREATE UNIQUE INDEX imports_guild_active_key ON imports (guild_id) WHERE status IN ('queued', 'running');
-- For a guild's list, newest first.
CREATE INDEX imports_guild_idx ON imports (guild_id, id DESC);

-- A file on its way in: one at a time for a guild.
CREATE TABLE import_uploads (
    guild_id bigint NOT NULL REFERENCES guilds ON DELETE CASCADE,  -- The guild that it is of.
    import_id bigint NOT NULL,                                     -- The number that the import will have.
    held_until timestamptz NOT NULL,                               -- When another one may take the place, if nothing more comes.
    CONSTRAINT import_uploads_guild_key PRIMARY KEY (guild_id)
);

/* The file as it came, in pieces of 1 MiB, for whichever process does the job. Written before the import itself, under
   its future number. Not compressed: it is there for minutes, and compression takes longer than writing. */
-- Files of imports that are not finished, in pieces.
CREATE TABLE import_chunks (
    import_id bigint NOT NULL,                      /* The import. */
    n integer NOT NULL,                             /* The place of the piece in the file. */
    data bytea STORAGE EXTERNAL NOT NULL,           /* The piece. */
    created_at timestamptz NOT NULL DEFAULT now(),  /* When it came. */
    CONSTRAINT import_chunks_import_n_key PRIMARY KEY (import_id, n)
);

-- Events of imports that are not finished, in their order.
CREATE TABLE import_events (
    import_id bigint NOT NULL,            /* The import. */
    occurred_at timestamptz NOT NULL,     /* When it happened. */
    id varchar(64) COLLATE "C" NOT NULL,  /* The event's id. */
    n bigint NOT NULL,                    /* Its place in the file. */
    data bytea NOT NULL,                  /* The event. */
    CONSTRAINT import_events_import_at_id_n_key PRIMARY KEY (import_id, occurred_at, id, n)
);

-- What an import of events keeps of each member until it is finished.
CREATE TABLE import_members (
    import_id bigint NOT NULL,               /* The import. */
    user_id bigint NOT NULL,                 /* The member. */
    last_xp_at timestamptz,                  /* When a message of the file last earned XP. */
    is_late boolean NOT NULL DEFAULT false,  /* Whether their streak must be found again among all days. */
    run_from date,                           /* First day of the run that the file's days join. */
    run_to date,                             /* Last day of that run. */
    run_best integer,                        /* Days of the longest run. */
    CONSTRAINT import_members_import_user_key PRIMARY KEY (import_id, user_id)
);


-- -------- Admin -----------------------------------------------------------------------------------------------

-- Someone who may open Piccolo Admin.
CREATE TABLE admin_users (
    username varchar(100) NOT NULL DEFAULT '',
    password varchar(255) NOT NULL DEFAULT '',
    first_name varchar(255) DEFAULT '',
    last_name varchar(255) DEFAULT '',
    email varchar(255) NOT NULL DEFAULT '',
    active boolean NOT NULL DEFAULT false,
    admin boolean NOT NULL DEFAULT false,      -- An admin can log into the Piccolo admin GUI.
    superuser boolean NOT NULL DEFAULT false,  -- If True, this user can manage other users's passwords in the Piccolo admin GUI.
    last_login timestamp,                      -- When this user last logged in.
    id serial PRIMARY KEY,
    CONSTRAINT admin_users_email_key UNIQUE (email),
    CONSTRAINT admin_users_username_key UNIQUE (username)
);

-- A browser logged in to the admin.
CREATE TABLE admin_sessions (
    token varchar(100) NOT NULL DEFAULT '',
    user_id integer NOT NULL DEFAULT 0,
    expiry_date timestamp NOT NULL DEFAULT (CURRENT_TIMESTAMP + '01:00:00'),
    max_expiry_date timestamp NOT NULL DEFAULT (CURRENT_TIMESTAMP + '7 days'),
    id serial PRIMARY KEY
);
-- For each request of the admin, which looks up its session.
CREATE UNIQUE INDEX admin_sessions_token_key ON admin_sessions (token);

-- An admin's authenticator app: it shows codes that change.
CREATE TABLE admin_second_factors (
    user_id integer PRIMARY KEY REFERENCES admin_users ON DELETE CASCADE,  -- Whose it is.
    secret bytea NOT NULL,                                      -- What app and server share, encrypted.
    recovery_codes bytea[] NOT NULL,                            -- SHA-256 of each code that is not used yet, for when the app is lost.
    confirmed_at timestamptz,                                   -- When a first code proved that the app has it; empty: it does not count yet.
    last_step bigint NOT NULL DEFAULT 0,                        -- The half minute of the last code: none counts twice.
    created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP   -- When it was made.
);


-- -------- Requests and jobs -----------------------------------------------------------------------------------

-- Requests with an idempotency key: those that run, and for a day what those were answered that are done.
CREATE TABLE idempotent_answers (
    owner varchar(64) NOT NULL,               -- The credential that sent it: key:7.
    key varchar(255) NOT NULL,                -- Its idempotency key.
    holder bytea NOT NULL,                    -- The request that has the key: a random number.
    address bytea NOT NULL,                   -- SHA-256 of method, path and query.
    body_hash bytea,                          -- SHA-256 of the body; empty while it is still coming in.
    held_until timestamptz NOT NULL,          -- When another request may take the key, if there is no answer by then.
    expires_at timestamptz NOT NULL,          -- When it is forgotten.
    status integer,                           -- The status that was answered; empty while it runs.
    headers jsonb,                            -- The headers that are this answer's own.
    body text,                                -- The body, as JSON; secrets are null.
    user_ids bigint[] NOT NULL DEFAULT '{}',  -- The people whom the body names: erasing one of them forgets it.
    guild_id bigint,                          -- The guild that the request was about; empty: none.
    CONSTRAINT idempotent_answers_owner_key_key PRIMARY KEY (owner, key)
);
-- For deletion when they expire.
CREATE INDEX idempotent_answers_expires_idx ON idempotent_answers (expires_at);
-- For the erasure of a person.
CREATE INDEX idempotent_answers_user_idx ON idempotent_answers USING gin (user_ids);

/* Unlogged: a crash loses the counts of one minute. Half of each page stays free for the next versions of its rows. */
-- What each credential has taken of its requests for this minute, and what each address was refused.
CREATE UNLOGGED TABLE rate_budgets (
    owner varchar(64) NOT NULL,         -- key:7, or address:192.0.2.1; of IPv6 the /64.
    ends_at double precision NOT NULL,  -- When the minute is over, in seconds since 1970.
    used integer NOT NULL,              -- What was taken of it.
    granted integer NOT NULL,           -- What was given to the process that asked last.
    CONSTRAINT rate_budgets_owner_key PRIMARY KEY (owner)
) WITH (fillfactor = 50);

-- Work that waits or is being done; a row goes when it is done.
CREATE TABLE jobs (
    id bigserial PRIMARY KEY,
    kind varchar(32) NOT NULL DEFAULT NULL,                     -- What is to be done: import, awarding.
    subject bigint NOT NULL,                                    -- To what: the id of the import, of the achievement.
    holder varchar(32) DEFAULT NULL,                            -- The process that does it; empty while it waits.
    held_until timestamptz,                                     -- When others may take it if the holder is silent.
    attempts integer NOT NULL DEFAULT 0,                        -- How often it was begun since it last got on.
    run_after timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,   -- When it may begin.
    created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP   -- When it was asked for.
);
-- No work is queued twice.
CREATE UNIQUE INDEX jobs_kind_subject_key ON jobs (kind, subject);
