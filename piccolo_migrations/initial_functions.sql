-- Functions and triggers, in the order of the tables in initial_schema.sql. Once released, this file is never edited: a
-- change of a function is a migration of its own. guildhall_2026_12_01t10_30_00_000000.py renames some of them.
--
-- `guildhall migrate` grants the rights on tables and functions each time it runs (api/postgres/migrations.py). This
-- file only revokes: PostgreSQL lets everybody call a new function.

-- -------- Changes reach the caches, the audit log and the stream ----------------------------------------------

-- Writes the number of the transaction into a row. A cache that asks for `changed_xid >= xmin of my last look` so
-- finds every change, in whatever order the transactions commit. The triggers pass over the last use of a key or a
-- session and over renewed tokens: otherwise every use would empty the caches. For the change watcher
-- (api/postgres/change_watcher.py).
CREATE FUNCTION guildhall_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.changed_xid := pg_current_xact_id()::text::bigint;
        RETURN NEW;
    END $$;

CREATE TRIGGER achievements_stamp BEFORE INSERT OR UPDATE ON achievements
    FOR EACH ROW EXECUTE FUNCTION guildhall_stamp();
CREATE TRIGGER api_keys_stamp
    BEFORE INSERT OR UPDATE OF name, scopes, guild_ids, rate_limit, expires_at, revoked_at ON api_keys
    FOR EACH ROW EXECUTE FUNCTION guildhall_stamp();
CREATE TRIGGER guild_settings_stamp BEFORE INSERT OR UPDATE ON guild_settings
    FOR EACH ROW EXECUTE FUNCTION guildhall_stamp();
CREATE TRIGGER guilds_stamp BEFORE INSERT OR UPDATE ON guilds FOR EACH ROW EXECUTE FUNCTION guildhall_stamp();
CREATE TRIGGER modules_stamp BEFORE INSERT OR UPDATE ON modules FOR EACH ROW EXECUTE FUNCTION guildhall_stamp();
CREATE TRIGGER sessions_stamp BEFORE INSERT OR UPDATE OF hash, user_id, expires_at, ended_at ON sessions
    FOR EACH ROW EXECUTE FUNCTION guildhall_stamp();

-- Wakes the change watchers of all processes. A watcher that misses it finds the change at its next look. Called by
-- triggers.
CREATE FUNCTION guildhall_wake() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('guildhall', '');
        RETURN NULL;
    END $$;

CREATE TRIGGER achievements_wake AFTER INSERT OR UPDATE ON achievements
    FOR EACH STATEMENT EXECUTE FUNCTION guildhall_wake();
CREATE TRIGGER api_keys_wake AFTER UPDATE OF name, scopes, guild_ids, rate_limit, expires_at, revoked_at ON api_keys
    FOR EACH STATEMENT EXECUTE FUNCTION guildhall_wake();
CREATE TRIGGER guild_settings_wake AFTER INSERT OR UPDATE ON guild_settings
    FOR EACH STATEMENT EXECUTE FUNCTION guildhall_wake();
CREATE TRIGGER guilds_wake AFTER UPDATE ON guilds FOR EACH STATEMENT EXECUTE FUNCTION guildhall_wake();
CREATE TRIGGER modules_wake AFTER INSERT OR UPDATE ON modules FOR EACH STATEMENT EXECUTE FUNCTION guildhall_wake();
CREATE TRIGGER sessions_wake AFTER UPDATE OF hash, user_id, expires_at, ended_at ON sessions
    FOR EACH STATEMENT EXECUTE FUNCTION guildhall_wake();

-- Writes the audit entry of a change that no service audited: edits in Piccolo Admin and by hand. A service sets
-- `guildhall.audited` in its transaction, and writes its own entry. The argument is the noun of the action; `hidden`
-- columns leave no trace. Called by triggers: docs/decisions/audit-trigger.md.
CREATE FUNCTION guildhall_audit() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        hidden text[] := ARRAY['hash', 'password', 'token', 'changed_xid', 'revision', 'updated_at',
                               'last_used_at', 'last_login'];
        before jsonb := CASE WHEN TG_OP = 'INSERT' THEN '{}' ELSE to_jsonb(OLD) - hidden END;
        after jsonb := CASE WHEN TG_OP = 'DELETE' THEN '{}' ELSE to_jsonb(NEW) - hidden END;
        whole jsonb := CASE WHEN TG_OP = 'DELETE' THEN before ELSE after END;
        admin text := nullif(current_setting('guildhall.admin', true), '');
        address text := nullif(current_setting('guildhall.ip', true), '');
        request text := nullif(current_setting('guildhall.request_id', true), '');
        diff jsonb;
    BEGIN
        SELECT jsonb_object_agg(key, jsonb_build_object('before', b, 'after', a)) INTO diff
        FROM (
            SELECT key,
                   CASE WHEN key ~ '(^|_)id$' AND jsonb_typeof(before -> key) = 'number'
                        THEN to_jsonb(before ->> key) ELSE before -> key END AS b,
                   CASE WHEN key ~ '(^|_)id$' AND jsonb_typeof(after -> key) = 'number'
                        THEN to_jsonb(after ->> key) ELSE after -> key END AS a
            FROM jsonb_object_keys(before || after) AS key
            WHERE before -> key IS DISTINCT FROM after -> key
        ) AS changed;
        IF diff IS NULL AND TG_OP = 'UPDATE' AND to_jsonb(OLD) ->> 'password' IS DISTINCT FROM to_jsonb(NEW) ->> 'password' THEN
            diff := '{"password": {"before": null, "after": null}}';
        END IF;
        IF diff IS NOT NULL THEN
            INSERT INTO audit_log (guild_id, actor_kind, actor_id, action, target, changes, ip, request_id)
            VALUES (
                CASE WHEN TG_TABLE_NAME = 'guilds' THEN (whole ->> 'id')::bigint
                     ELSE (whole ->> 'guild_id')::bigint END,
                CASE WHEN admin IS NULL THEN 'system' ELSE 'admin' END,
                coalesce(admin, session_user),
                TG_ARGV[0] || '.' || CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'UPDATE' THEN 'updated' ELSE 'deleted' END,
                coalesce(whole ->> 'module', whole ->> 'username',
                         CASE WHEN TG_TABLE_NAME = 'modules' THEN whole ->> 'name' ELSE whole ->> 'id' END),
                diff,
                address,
                request
            );
        END IF;
        RETURN NULL;
    END $$;

CREATE TRIGGER achievements_audit AFTER INSERT OR UPDATE OR DELETE ON achievements
    FOR EACH ROW
    WHEN (current_setting('guildhall.audited', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION guildhall_audit('achievement');
CREATE TRIGGER admin_users_audit AFTER INSERT OR UPDATE OR DELETE ON admin_users
    FOR EACH ROW
    WHEN (current_setting('guildhall.audited', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION guildhall_audit('admin');
CREATE TRIGGER api_keys_audit AFTER INSERT OR UPDATE OR DELETE ON api_keys
    FOR EACH ROW
    WHEN (current_setting('guildhall.audited', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION guildhall_audit('key');
CREATE TRIGGER guild_settings_audit AFTER INSERT OR UPDATE OR DELETE ON guild_settings
    FOR EACH ROW
    WHEN (current_setting('guildhall.audited', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION guildhall_audit('settings');
CREATE TRIGGER guilds_audit AFTER INSERT OR UPDATE OR DELETE ON guilds
    FOR EACH ROW
    WHEN (current_setting('guildhall.audited', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION guildhall_audit('guild');
CREATE TRIGGER modules_audit AFTER INSERT OR UPDATE OR DELETE ON modules
    FOR EACH ROW
    WHEN (current_setting('guildhall.audited', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION guildhall_audit('module');

-- Publishes the event of a change that no service published, under the same condition as `guildhall_audit`. Called
-- by triggers.
CREATE FUNCTION guildhall_tell() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_TABLE_NAME = 'guild_settings' THEN
            INSERT INTO outbox (guild_id, type, data) VALUES (NEW.guild_id, 'settings.updated',
                jsonb_build_object('module', NEW.module, 'revision', NEW.revision, 'values', NULL));
        ELSIF TG_TABLE_NAME = 'modules' THEN
            INSERT INTO outbox (guild_id, type, data) VALUES (NULL, 'module.updated',
                jsonb_build_object('module', NEW.name, 'version', NEW.version));
        ELSE
            INSERT INTO outbox (guild_id, type, data) VALUES (NEW.id,
                CASE WHEN TG_OP = 'INSERT' THEN 'guild.created'
                     WHEN (NEW.deleted_at IS NULL) = (OLD.deleted_at IS NULL) THEN 'guild.updated'
                     WHEN NEW.deleted_at IS NULL THEN 'guild.restored' ELSE 'guild.deleted' END,
                jsonb_build_object('name', NEW.name, 'icon', NEW.icon, 'locale', NEW.locale,
                                   'timezone', NEW.timezone, 'changed', NULL));
        END IF;
        RETURN NULL;
    END $$;

CREATE TRIGGER guild_settings_tell AFTER INSERT OR UPDATE ON guild_settings
    FOR EACH ROW
    WHEN (current_setting('guildhall.audited', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION guildhall_tell();
CREATE TRIGGER guilds_tell AFTER INSERT OR UPDATE ON guilds
    FOR EACH ROW
    WHEN (current_setting('guildhall.audited', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION guildhall_tell();
CREATE TRIGGER modules_tell AFTER INSERT OR UPDATE ON modules
    FOR EACH ROW
    WHEN (current_setting('guildhall.audited', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION guildhall_tell();


-- -------- Auth ------------------------------------------------------------------------------------------------

-- Ends the keys that a key made when that key ends, whoever ends it. Each generation fires the trigger for the next
-- one. `least` ignores NULL. Called by a trigger.
CREATE FUNCTION guildhall_end_children() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE api_keys SET revoked_at = NEW.revoked_at, expires_at = least(expires_at, NEW.expires_at)
        WHERE parent_id = NEW.id AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
            AND (NEW.revoked_at IS NOT NULL OR NEW.expires_at < coalesce(expires_at, 'infinity'));
        RETURN NULL;
    END $$;

CREATE TRIGGER api_keys_end_children AFTER UPDATE OF revoked_at, expires_at ON api_keys
    FOR EACH ROW WHEN (NEW.revoked_at IS DISTINCT FROM OLD.revoked_at OR NEW.expires_at IS DISTINCT FROM OLD.expires_at)
    EXECUTE FUNCTION guildhall_end_children();


-- -------- Guilds ----------------------------------------------------------------------------------------------

-- Raises a guild's revision and sets the time of the change, also for changes by an admin or in psql. Called by a
-- trigger.
CREATE FUNCTION guilds_revise() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (NEW.name, NEW.icon, NEW.owner_id, NEW.locale, NEW.timezone, NEW.deleted_at)
            IS DISTINCT FROM (OLD.name, OLD.icon, OLD.owner_id, OLD.locale, OLD.timezone, OLD.deleted_at)
        THEN
            NEW.revision := OLD.revision + 1;
            NEW.updated_at := now();
        END IF;
        RETURN NEW;
    END $$;

CREATE TRIGGER guilds_revise BEFORE UPDATE ON guilds FOR EACH ROW EXECUTE FUNCTION guilds_revise();


-- -------- Settings --------------------------------------------------------------------------------------------

-- Deletes the oldest revisions of a module in a guild. The application has no right to delete from this table: it calls
-- this function and the next two. This one and the next keep the newest hundred revisions of a module and those of the
-- last thirty days, whatever the arguments are. Called by each write of settings (api/settings/queries.py).
CREATE FUNCTION guildhall_forget_revisions_beyond(guild bigint, name text, newest integer, kept integer)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        DELETE FROM guild_settings_revisions
        WHERE guild_id = guild AND module = name AND revision <= newest - greatest(kept, 100)
            AND revision <= (SELECT max(revision) FROM guild_settings_revisions
                             WHERE guild_id = guild AND module = name) - 99
    $$;
REVOKE ALL ON FUNCTION guildhall_forget_revisions_beyond(bigint, text, integer, integer) FROM PUBLIC;

-- Deletes revisions by age, except the one in force, since its row says who set it. Called every ten minutes
-- (api/settings/service.py).
CREATE FUNCTION guildhall_forget_revisions_before(since timestamptz, most integer)
RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        WITH old AS (
            SELECT r.id FROM guild_settings_revisions r
            WHERE r.at < least(since, now() - interval '30 days') AND NOT EXISTS (
                SELECT FROM guild_settings s
                WHERE s.guild_id = r.guild_id AND s.module = r.module AND s.revision = r.revision
            )
            ORDER BY r.id LIMIT most
        ), gone AS (
            DELETE FROM guild_settings_revisions WHERE id IN (SELECT id FROM old) RETURNING 1
        )
        SELECT count(*) FROM gone
    $$;
REVOKE ALL ON FUNCTION guildhall_forget_revisions_before(timestamptz, integer) FROM PUBLIC;

-- Deletes a batch of the revisions of a deleted guild, and of no other guild. Called by a purge
-- (api/guilds/queries.py).
CREATE FUNCTION guildhall_forget_revisions_of(guild bigint, most integer)
RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        WITH gone AS (
            DELETE FROM guild_settings_revisions WHERE id = ANY(ARRAY(
                SELECT r.id FROM guild_settings_revisions r JOIN guilds g ON g.id = r.guild_id
                WHERE r.guild_id = guild AND g.deleted_at IS NOT NULL LIMIT most
            )) RETURNING 1
        )
        SELECT count(*) FROM gone
    $$;
REVOKE ALL ON FUNCTION guildhall_forget_revisions_of(bigint, integer) FROM PUBLIC;


-- -------- Activity: partitions --------------------------------------------------------------------------------

-- The application owns no table. These functions let it make and drop partitions of the tables that the first one
-- names, and of no others.

-- Gives the bounds and the name of the partition of a day. Each table has a single partition for everything before
-- December 1999: otherwise a file of events could make a partition for each month since the year 1. Called by the
-- next two functions.
CREATE FUNCTION guildhall_part(parent text, day date, OUT name text, OUT first date, OUT next date)
RETURNS record LANGUAGE plpgsql IMMUTABLE AS $$
    DECLARE
        unit text := CASE parent WHEN 'activity_ids' THEN 'week' WHEN 'activity_days' THEN 'month'
                                 WHEN 'activity_hours' THEN 'month' WHEN 'custom_stat_days' THEN 'month'
                                 WHEN 'stream_events' THEN 'day' END;
    BEGIN
        IF unit IS NULL THEN
            RAISE EXCEPTION 'not a table with parts';
        END IF;
        first := date_trunc(unit, day::timestamp)::date;
        next := (first + ('1 ' || unit)::interval)::date;
        IF first < date_trunc(unit, timestamp '1999-12-01')::date THEN
            next := date_trunc(unit, timestamp '1999-12-01')::date;
            first := '0001-01-01';
        END IF;
        name := parent || to_char(first, '_YYYY_MM_DD');
    END $$;
REVOKE ALL ON FUNCTION guildhall_part(text, date) FROM PUBLIC;

-- Makes the partition of a day if it is missing. Called ahead of time, by writers that find none
-- (api/postgres/partitions.py), and by `guildhall_number_events`.
CREATE FUNCTION guildhall_make_part(parent text, day date)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        part record := guildhall_part(parent, day);
        quote text := CASE parent WHEN 'activity_hours' THEN '%s 00:00:00+00' ELSE '%s' END;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('guildhall_make_part'), hashtext(parent));
        IF to_regclass(part.name) IS NOT NULL THEN
            RETURN;
        END IF;
        -- Attached, not created in place: that would lock the parent against everybody.
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', part.name, parent);
        IF parent <> 'activity_ids' THEN
            EXECUTE format('ALTER TABLE %I SET (fillfactor = 85)', part.name);
        END IF;
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, part.name,
                       format(quote, part.first), format(quote, part.next));
    END $$;
REVOKE ALL ON FUNCTION guildhall_make_part(text, date) FROM PUBLIC;

-- Drops the oldest partition that ends before a day, and returns how many it dropped. It drops one a call, since the
-- drop locks the table against everybody until the transaction ends. Called every hour (api/activity/upkeep.py).
CREATE FUNCTION guildhall_drop_parts(parent text, before date)
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        part record;
        dropped integer := 0;
    BEGIN
        PERFORM guildhall_part(parent, before);
        FOR part IN
            SELECT c.relname, (guildhall_part(parent, to_date(right(c.relname, 10), 'YYYY_MM_DD'))).next AS ends
            FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = to_regclass(parent) ORDER BY c.relname
        LOOP
            IF part.ends <= before THEN
                EXECUTE format('DROP TABLE %I', part.relname);
                dropped := dropped + 1;
                EXIT;
            END IF;
        END LOOP;
        RETURN dropped;
    END $$;
REVOKE ALL ON FUNCTION guildhall_drop_parts(text, date) FROM PUBLIC;

-- Deletes the rows of a purged guild from the tables without a foreign key. Called by a trigger of `guilds`.
CREATE FUNCTION guildhall_forget_activity() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM activity_ids WHERE guild_id IN (SELECT id FROM gone);
        DELETE FROM activity_days WHERE guild_id IN (SELECT id FROM gone);
        DELETE FROM activity_hours WHERE guild_id IN (SELECT id FROM gone);
        DELETE FROM custom_stat_days WHERE guild_id IN (SELECT id FROM gone);
        DELETE FROM boards WHERE guild_id IN (SELECT id FROM gone);
        DELETE FROM xp_counts WHERE guild_id IN (SELECT id FROM gone);
        DELETE FROM activity_totals WHERE guild_id IN (SELECT id FROM gone);
        DELETE FROM activity_checkpoints WHERE guild_id IN (SELECT id FROM gone);
        DELETE FROM activity_rewrites WHERE guild_id IN (SELECT id FROM gone);
        RETURN NULL;
    END $$;

CREATE TRIGGER guilds_forget_activity AFTER DELETE ON guilds
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION guildhall_forget_activity();


-- -------- Leaderboards ----------------------------------------------------------------------------------------

-- Keeps only the first `kept` bits of a number. Numbers with the same first bits differ by less than 2^(1 - kept) of
-- themselves. Called where `xp_counts` is read or written (api/members/queries.py).
CREATE FUNCTION guildhall_xp_floor(xp bigint, kept integer) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    (xp >> greatest(length(ltrim(xp::bit(64)::text, '0')) - kept, 0))
        << greatest(length(ltrim(xp::bit(64)::text, '0')) - kept, 0);


-- -------- Achievements: counters ------------------------------------------------------------------------------

-- Keeps `achievement_counts` when awards are added, revoked, restored or deleted. The counters of a deleted guild or
-- achievement are deleted with it, so a deletion only updates counters, and inserts none. Called by triggers.
CREATE FUNCTION guildhall_count_awards() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            INSERT INTO achievement_counts AS c (achievement_id, guild_id, awarded)
            SELECT achievement_id, guild_id, count(*) FROM came WHERE revoked_at IS NULL
            GROUP BY achievement_id, guild_id ORDER BY achievement_id, guild_id
            ON CONFLICT (achievement_id, guild_id) DO UPDATE SET awarded = c.awarded + EXCLUDED.awarded;
        ELSIF TG_OP = 'UPDATE' THEN
            INSERT INTO achievement_counts AS c (achievement_id, guild_id, awarded)
            SELECT achievement_id, guild_id, sum(change) FROM (
                SELECT achievement_id, guild_id, 1 AS change FROM came WHERE revoked_at IS NULL
                UNION ALL SELECT achievement_id, guild_id, -1 FROM went WHERE revoked_at IS NULL
            ) AS each
            GROUP BY achievement_id, guild_id HAVING sum(change) <> 0 ORDER BY achievement_id, guild_id
            ON CONFLICT (achievement_id, guild_id) DO UPDATE SET awarded = c.awarded + EXCLUDED.awarded;
        ELSE
            PERFORM 1 FROM achievement_counts c
            WHERE (c.achievement_id, c.guild_id) IN (SELECT achievement_id, guild_id FROM went WHERE revoked_at IS NULL)
            ORDER BY c.achievement_id, c.guild_id FOR UPDATE;
            UPDATE achievement_counts c SET awarded = c.awarded - g.awarded FROM (
                SELECT achievement_id, guild_id, count(*) AS awarded FROM went WHERE revoked_at IS NULL
                GROUP BY achievement_id, guild_id
            ) AS g
            WHERE c.achievement_id = g.achievement_id AND c.guild_id = g.guild_id;
        END IF;
        RETURN NULL;
    END $$;

CREATE TRIGGER achievement_awards_count_came AFTER INSERT ON achievement_awards
    REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION guildhall_count_awards();
CREATE TRIGGER achievement_awards_count_changed AFTER UPDATE ON achievement_awards
    REFERENCING OLD TABLE AS went NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION guildhall_count_awards();
CREATE TRIGGER achievement_awards_count_went AFTER DELETE ON achievement_awards
    REFERENCING OLD TABLE AS went FOR EACH STATEMENT EXECUTE FUNCTION guildhall_count_awards();

-- Keeps `member_counts`. A deletion of members locks their counters in the order of the keys, as all do. Called by
-- triggers.
CREATE FUNCTION guildhall_count_members() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            INSERT INTO member_counts AS c (guild_id, members)
            SELECT guild_id, count(*) FROM came GROUP BY guild_id ORDER BY guild_id
            ON CONFLICT (guild_id) DO UPDATE SET members = c.members + EXCLUDED.members;
        ELSE
            PERFORM 1 FROM member_counts c WHERE c.guild_id IN (SELECT guild_id FROM went)
            ORDER BY c.guild_id FOR UPDATE;
            UPDATE member_counts c SET members = c.members - g.members FROM (
                SELECT guild_id, count(*) AS members FROM went GROUP BY guild_id
            ) AS g
            WHERE c.guild_id = g.guild_id;
            DELETE FROM member_counts WHERE members = 0 AND guild_id IN (SELECT guild_id FROM went);
        END IF;
        RETURN NULL;
    END $$;

CREATE TRIGGER members_count_came AFTER INSERT ON members
    REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION guildhall_count_members();
CREATE TRIGGER members_count_went AFTER DELETE ON members
    REFERENCING OLD TABLE AS went FOR EACH STATEMENT EXECUTE FUNCTION guildhall_count_members();

-- Adds to a sum over all guilds. Nobody waits: where another transaction has locked a row of the sum, this one takes
-- the next row, or adds one. Called by the next two functions.
CREATE FUNCTION guildhall_add_to_installation(what bigint, change bigint) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE installation_counts SET total = total + change WHERE subject = what AND id = (
            SELECT id FROM installation_counts WHERE subject = what ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
        );
        IF NOT FOUND THEN
            INSERT INTO installation_counts (subject, total) VALUES (what, change);
        END IF;
    END $$;

-- Keeps the sum over all guilds of who has an achievement of the whole installation, also when counters are deleted
-- by a cascade. Called by triggers.
CREATE FUNCTION guildhall_sum_achievement_counts() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            PERFORM guildhall_add_to_installation(subject, change::bigint)
            FROM (SELECT achievement_id AS subject, sum(awarded) AS change FROM came WHERE achievement_id IN (SELECT id FROM achievements WHERE guild_id IS NULL) GROUP BY 1) AS each
            WHERE change <> 0;
        ELSIF TG_OP = 'DELETE' THEN
            PERFORM guildhall_add_to_installation(subject, -change::bigint)
            FROM (SELECT achievement_id AS subject, sum(awarded) AS change FROM went WHERE achievement_id IN (SELECT id FROM achievements WHERE guild_id IS NULL) GROUP BY 1) AS each
            WHERE change <> 0;
        ELSE
            PERFORM guildhall_add_to_installation(subject, change::bigint)
            FROM (
                SELECT achievement_id AS subject, sum(awarded) AS change FROM (
                    SELECT achievement_id, awarded FROM came UNION ALL SELECT achievement_id, -awarded FROM went
                ) AS moved WHERE achievement_id IN (SELECT id FROM achievements WHERE guild_id IS NULL) GROUP BY 1
            ) AS each
            WHERE change <> 0;
        END IF;
        RETURN NULL;
    END $$;

CREATE TRIGGER achievement_counts_sum_came AFTER INSERT ON achievement_counts
    REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION guildhall_sum_achievement_counts();
CREATE TRIGGER achievement_counts_sum_changed AFTER UPDATE ON achievement_counts
    REFERENCING OLD TABLE AS went NEW TABLE AS came FOR EACH STATEMENT
    EXECUTE FUNCTION guildhall_sum_achievement_counts();
CREATE TRIGGER achievement_counts_sum_went AFTER DELETE ON achievement_counts
    REFERENCING OLD TABLE AS went FOR EACH STATEMENT EXECUTE FUNCTION guildhall_sum_achievement_counts();

-- Keeps the sum of all members in the same way. Called by triggers.
CREATE FUNCTION guildhall_sum_member_counts() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            PERFORM guildhall_add_to_installation(subject, change::bigint)
            FROM (SELECT 0::bigint AS subject, sum(members) AS change FROM came  GROUP BY 1) AS each
            WHERE change <> 0;
        ELSIF TG_OP = 'DELETE' THEN
            PERFORM guildhall_add_to_installation(subject, -change::bigint)
            FROM (SELECT 0::bigint AS subject, sum(members) AS change FROM went  GROUP BY 1) AS each
            WHERE change <> 0;
        ELSE
            PERFORM guildhall_add_to_installation(subject, change::bigint)
            FROM (
                SELECT 0::bigint AS subject, sum(members) AS change FROM (
                    SELECT members FROM came UNION ALL SELECT -members FROM went
                ) AS moved  GROUP BY 1
            ) AS each
            WHERE change <> 0;
        END IF;
        RETURN NULL;
    END $$;

CREATE TRIGGER member_counts_sum_came AFTER INSERT ON member_counts
    REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION guildhall_sum_member_counts();
CREATE TRIGGER member_counts_sum_changed AFTER UPDATE ON member_counts
    REFERENCING OLD TABLE AS went NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION guildhall_sum_member_counts();
CREATE TRIGGER member_counts_sum_went AFTER DELETE ON member_counts
    REFERENCING OLD TABLE AS went FOR EACH STATEMENT EXECUTE FUNCTION guildhall_sum_member_counts();


-- -------- Events ----------------------------------------------------------------------------------------------

-- Gives committed events their positions in the order in which they were written, and returns the newest position.
-- One caller at a time: each statement sees everything that was committed before the lock was taken, so a position
-- is visible only when all lower ones are. Other transactions may run as long as they like: their events get
-- positions when they commit.
--
-- A round numbers at most `most` events. If there are more, it notes their range of ids, and the next rounds go
-- through it. Events that are committed meanwhile wait for its end, since they may depend on events of the range.
--
-- `afresh` looks at all events. So does a round that finds a snapshot of another server, since restored rows may
-- have numbers of transactions that are still to come. Without new events the snapshot is renewed now and then, so
-- that the rows of a long transaction are not read in each round.
--
-- While a transaction holds an old snapshot, VACUUM removes nothing. Therefore a round asks by transaction for
-- events that the last round did not see, and passes no deleted rows. No plan may read the whole table: plans are
-- made while it is empty. Called by the event poller (api/events/event_poller.py): docs/decisions/event-stream.md.
CREATE FUNCTION guildhall_number_events(most integer, afresh boolean DEFAULT false)
RETURNS bigint LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off AS $$
    DECLARE
        was stream_position%ROWTYPE;
        sees pg_snapshot;
        ids bigint[];
        today date;
        moved integer := 0;
    BEGIN
        SELECT * INTO STRICT was FROM stream_position ORDER BY round DESC LIMIT 1;
        sees := pg_current_snapshot();
        IF NOT afresh AND was.until_id IS NULL
            AND pg_snapshot_xmax(sees)::text::bigint - pg_snapshot_xmax(was.seen)::text::bigint BETWEEN 0 AND 1000
            AND NOT EXISTS (
    SELECT o.id FROM outbox o WHERE o.xid >= pg_snapshot_xmax(was.seen)
    UNION ALL
    SELECT o.id FROM pg_snapshot_xip(was.seen) AS running (xid)
    CROSS JOIN LATERAL (SELECT id FROM outbox WHERE xid = running.xid OFFSET 0) o
    WHERE pg_visible_in_snapshot(running.xid, pg_current_snapshot())
) THEN
            RETURN was.newest;
        END IF;
        PERFORM pg_advisory_xact_lock(x'73747265'::int, 0);
        SELECT * INTO STRICT was FROM stream_position ORDER BY round DESC LIMIT 1;
        IF afresh OR pg_snapshot_xmax(was.seen) > pg_snapshot_xmax(pg_current_snapshot()) THEN
            was.seen := '1:1:';
            was.until_id := NULL;
        END IF;
        IF was.until_id IS NULL THEN
            SELECT pg_current_snapshot(), ARRAY(SELECT id FROM (
    SELECT o.id FROM outbox o WHERE o.xid >= pg_snapshot_xmax(was.seen)
    UNION ALL
    SELECT o.id FROM pg_snapshot_xip(was.seen) AS running (xid)
    CROSS JOIN LATERAL (SELECT id FROM outbox WHERE xid = running.xid OFFSET 0) o
    WHERE pg_visible_in_snapshot(running.xid, pg_current_snapshot())
) AS u LIMIT most + 1)
                INTO sees, ids;
            IF cardinality(ids) > most THEN
                SELECT min(id) - 1, max(id) INTO was.after_id, was.until_id
                FROM (
    SELECT o.id FROM outbox o WHERE o.xid >= pg_snapshot_xmax(was.seen)
    UNION ALL
    SELECT o.id FROM pg_snapshot_xip(was.seen) AS running (xid)
    CROSS JOIN LATERAL (SELECT id FROM outbox WHERE xid = running.xid OFFSET 0) o
    WHERE pg_visible_in_snapshot(running.xid, pg_current_snapshot())
) AS u;
            END IF;
            was.seen := sees;
        END IF;
        IF was.until_id IS NOT NULL THEN
            ids := ARRAY(
                SELECT id FROM outbox WHERE id > was.after_id AND id <= was.until_id
                    AND (pg_visible_in_snapshot(xid, was.seen) OR xid >= pg_snapshot_xmax(pg_current_snapshot()))
                ORDER BY id LIMIT most
            );
            IF cardinality(ids) = most THEN
                was.after_id := ids[most];
            ELSE
                was.after_id := NULL;
                was.until_id := NULL;
            END IF;
        END IF;
        IF cardinality(ids) > 0 THEN
            today := (clock_timestamp() AT TIME ZONE 'UTC')::date;
            PERFORM guildhall_make_part('stream_events', today);
            WITH gone AS (
                DELETE FROM outbox WHERE id = ANY(ids) RETURNING id, guild_id, type, data, user_id, at
            )
            INSERT INTO stream_events (position, day, guild_id, type, data, user_id, at)
            SELECT was.newest + row_number() OVER (ORDER BY id), today, guild_id, type, data, user_id, at FROM gone;
            GET DIAGNOSTICS moved = ROW_COUNT;
            IF moved > 0 THEN
                PERFORM pg_notify('guildhall_stream', '');
            END IF;
        END IF;
        DELETE FROM stream_position WHERE round = was.round;
        INSERT INTO stream_position (round, newest, seen, after_id, until_id)
        VALUES (was.round + 1, was.newest + moved, was.seen, was.after_id, was.until_id);
        RETURN was.newest + moved;
    END $$;


-- -------- Webhooks --------------------------------------------------------------------------------------------

-- Writes the deliveries that webhooks are owed: for the events of guilds up to the next event that concerns all
-- guilds, or for that event and the next `most` webhooks. One caller at a time; others have nothing to do. Returns
-- whether there may be more.
--
-- It updates each webhook, also one that is due already: the sender gives a webhook up under the lock of its row,
-- and must see these deliveries or wait for them. It sets `done_id` back, since a sender that has moved it has not
-- seen them. No plan may read a whole table: dead rows may still be there. Called by the delivery of webhooks
-- (api/webhooks/queries.py).
CREATE FUNCTION guildhall_owe_deliveries(most integer)
RETURNS boolean LANGUAGE plpgsql SET enable_seqscan = off AS $$
    DECLARE
        seen webhook_position%ROWTYPE;
        last bigint;
        upto bigint;
        every stream_events%ROWTYPE;
        last_webhook bigint;
    BEGIN
        SELECT * INTO STRICT seen FROM webhook_position ORDER BY round DESC LIMIT 1;
        SELECT newest INTO STRICT last FROM stream_position ORDER BY round DESC LIMIT 1;
        IF seen.position >= last OR NOT pg_try_advisory_xact_lock(x'6f776564'::int, 0) THEN
            RETURN false;
        END IF;
        SELECT * INTO STRICT seen FROM webhook_position ORDER BY round DESC LIMIT 1;
        DELETE FROM webhook_position WHERE round = seen.round;
        upto := least(seen.position + most, last);
        SELECT * INTO every FROM stream_events
        WHERE position > seen.position AND position <= upto AND guild_id IS NULL ORDER BY position LIMIT 1;
        IF every.position = seen.position + 1 THEN
            SELECT max(id) INTO last_webhook FROM (
                SELECT id FROM webhooks WHERE id > coalesce(seen.webhook_id, 0) ORDER BY id LIMIT most
            ) AS batch;
            WITH owed AS (
                INSERT INTO webhook_deliveries (webhook_id, position, day, type, at)
                SELECT w.id, every.position, every.day, every.type, every.at FROM webhooks w
                WHERE w.id > coalesce(seen.webhook_id, 0) AND w.id <= last_webhook
                    AND w.disabled_at IS NULL AND w.created_at <= every.at
                    AND (w.types = '{}' OR every.type = ANY(w.types))
                ORDER BY w.id
                RETURNING webhook_id, id
            )
            UPDATE webhooks SET due_at = least(due_at, greatest(clock_timestamp(), rests_until)),
                done_id = least(done_id, owed.id - 1)
            FROM owed WHERE webhooks.id = owed.webhook_id;
            INSERT INTO webhook_position (round, position, webhook_id) VALUES (
                seen.round + 1, CASE WHEN last_webhook IS NULL THEN every.position ELSE seen.position END, last_webhook
            );
            RETURN true;
        END IF;
        upto := coalesce(every.position - 1, upto);
        WITH came AS MATERIALIZED (
            SELECT e.position, e.day, e.type, e.at, e.guild_id FROM stream_events e
            WHERE e.position > seen.position AND e.position <= upto
        ), hooks AS MATERIALIZED (  -- each is looked up once, past all that it was before
            SELECT id, guild_id, types, created_at FROM webhooks
            WHERE disabled_at IS NULL AND guild_id IN (SELECT DISTINCT came.guild_id FROM came)
        ), owed AS (
            INSERT INTO webhook_deliveries (webhook_id, position, day, type, at)
            SELECT w.id, e.position, e.day, e.type, e.at
            FROM came e JOIN hooks w ON w.guild_id = e.guild_id
            WHERE w.created_at <= e.at AND (w.types = '{}' OR e.type = ANY(w.types))
            ORDER BY e.position
            RETURNING webhook_id, id
        ), firsts AS (
            SELECT webhook_id, min(id) AS id FROM owed GROUP BY webhook_id
        )
        UPDATE webhooks SET due_at = least(due_at, greatest(clock_timestamp(), rests_until)),
            done_id = least(done_id, firsts.id - 1)
        FROM firsts WHERE webhooks.id = firsts.webhook_id;
        INSERT INTO webhook_position (round, position) VALUES (seen.round + 1, upto);
        RETURN upto < last;
    END $$;


-- -------- Audit and privacy: names of erased people -----------------------------------------------------------

-- The application may add audit entries and revisions. It may change them only through these functions.

-- The people in an entry: the user who acted, the target of actions on people, owners. In free text, an id counts as
-- a person where it is written as a mention or is as long as a snowflake. Called by the two indexes, and by queries
-- that use them, of export and erasure.
CREATE FUNCTION guildhall_people(kind text, actor text, action text, target text, changes jsonb, words text)
RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT coalesce(array_agg(DISTINCT id::bigint), '{}') FROM (
            SELECT actor AS id WHERE kind = 'user'
            UNION ALL SELECT target
            WHERE action ~ '^(member|user)\.' OR action IN ('achievement.awarded', 'achievement.revoked')
            UNION ALL SELECT changes -> member ->> side
            FROM unnest('{owner_id,user_id}'::text[]) AS member, unnest('{before,after}'::text[]) AS side
            WHERE action !~ '^settings\.'
            UNION ALL SELECT coalesce(found[1], found[2])
            FROM regexp_matches(words, '<@!?([0-9]{1,19})>|(?<![0-9])([0-9]{15,19})(?![0-9])', 'g') AS found
        ) AS named
        WHERE id ~ '^[1-9][0-9]{0,18}$' AND (length(id) < 19 OR id COLLATE "C" <= '9223372036854775807')
    $$;

-- Entries that name a person: export, erasing.
CREATE INDEX audit_log_people_idx ON audit_log
    USING gin (guildhall_people(actor_kind, actor_id, action, target, changes, reason));
CREATE INDEX guild_settings_revisions_people_idx ON guild_settings_revisions
    USING gin (guildhall_people(actor_kind, actor_id, '', NULL, NULL, reason));

-- The pseudonym of an erased person: 80 bits of the HMAC-SHA256 of the 8 bytes of the snowflake. A person always has
-- the same one. Called only by the last three functions: if the application could call it, it could try all ids and
-- so find out who is meant.
CREATE FUNCTION guildhall_pseudonym(person bigint)
RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT 'erased-' || left(encode(sha256(outer_pad || sha256(inner_pad || int8send(person))), 'hex'), 20)
        FROM pseudonym_key
    $$;
REVOKE ALL ON FUNCTION guildhall_pseudonym(bigint) FROM PUBLIC;

-- Replaces a person's id in free text, except where a guild has the same id. Called by the next three functions, and
-- by export and erasure (api/privacy/registry_queries.py).
CREATE FUNCTION guildhall_unnamed(words text, person bigint, word text) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT CASE
            WHEN strpos(words, person::text) = 0 OR EXISTS (SELECT FROM guilds WHERE id = person) THEN words
            WHEN person >= 100000000000000 THEN regexp_replace(words, '(?<![0-9])' || person || '(?![0-9])', word, 'g')
            ELSE regexp_replace(words, '<@!?' || person || '>', word, 'g')
        END
    $$;

-- Replaces a person by their pseudonym in at most `most` entries of these guilds (NULL: all), and returns how many
-- it changed in each guild. Called by erasure (api/privacy/registry.py).
CREATE FUNCTION guildhall_forget_in_audit_log(person bigint, guilds bigint[], most integer)
RETURNS TABLE(guild_id bigint, changed bigint) LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        WITH named AS (
            SELECT a.id FROM audit_log a
            WHERE guildhall_people(a.actor_kind, a.actor_id, a.action, a.target, a.changes, a.reason) @> ARRAY[person]
                AND (guilds IS NULL OR a.guild_id = ANY(guilds))
                AND (
                    guildhall_people(a.actor_kind, a.actor_id, a.action, a.target, a.changes, NULL) @> ARRAY[person]
                    OR guildhall_unnamed(a.reason, person, '') <> a.reason
                )
            LIMIT most FOR UPDATE
        ), entry AS (
            UPDATE audit_log a SET
                ip = CASE WHEN a.actor_kind = 'user' AND a.actor_id = person::text THEN NULL ELSE a.ip END,
                actor_id = CASE WHEN a.actor_kind = 'user' AND a.actor_id = person::text THEN p.word ELSE a.actor_id END,
                target = CASE
                    WHEN a.target = person::text
                        AND guildhall_people('', NULL, a.action, a.target, NULL, NULL) @> ARRAY[person]
                    THEN p.word ELSE a.target END,
                reason = guildhall_unnamed(a.reason, person, p.word),
                changes = CASE WHEN guildhall_people('', NULL, a.action, NULL, a.changes, NULL) @> ARRAY[person] THEN (
                    SELECT jsonb_object_agg(
                        c.key,
                        CASE WHEN c.key IN ('owner_id', 'user_id')
                        THEN replace(c.value::text, '"' || person || '"', '"' || p.word || '"')::jsonb ELSE c.value END
                    ) FROM jsonb_each(a.changes) AS c
                ) ELSE a.changes END
            FROM named, (SELECT guildhall_pseudonym(person) AS word OFFSET 0) AS p
            WHERE a.id = named.id
            RETURNING a.guild_id
        )
        SELECT entry.guild_id, count(*) FROM entry GROUP BY entry.guild_id
    $$;
REVOKE ALL ON FUNCTION guildhall_forget_in_audit_log(bigint, bigint[], integer) FROM PUBLIC;

-- Does the same in the revisions of settings. The values of a revision stay, so that restoring it gives what it was.
-- Called by erasure (api/privacy/registry.py).
CREATE FUNCTION guildhall_forget_in_revisions(person bigint, guilds bigint[], most integer)
RETURNS TABLE(guild_id bigint, changed bigint) LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        WITH named AS (
            SELECT r.id FROM guild_settings_revisions r
            WHERE guildhall_people(r.actor_kind, r.actor_id, '', NULL, NULL, r.reason) @> ARRAY[person]
                AND (guilds IS NULL OR r.guild_id = ANY(guilds))
                AND (
                    r.actor_kind = 'user' AND r.actor_id = person::text
                    OR guildhall_unnamed(r.reason, person, '') <> r.reason
                )
            LIMIT most FOR UPDATE
        ), entry AS (
            UPDATE guild_settings_revisions r SET
                actor_id = CASE WHEN r.actor_kind = 'user' AND r.actor_id = person::text THEN p.word ELSE r.actor_id END,
                reason = guildhall_unnamed(r.reason, person, p.word)
            FROM named, (SELECT guildhall_pseudonym(person) AS word OFFSET 0) AS p
            WHERE r.id = named.id
            RETURNING r.guild_id
        )
        SELECT entry.guild_id, count(*) FROM entry GROUP BY entry.guild_id
    $$;
REVOKE ALL ON FUNCTION guildhall_forget_in_revisions(bigint, bigint[], integer) FROM PUBLIC;

-- Adds the audit entry of an erasure, without the person's id, also where they asked for it themselves. Called by
-- erasure (api/privacy/queries.py).
CREATE FUNCTION guildhall_record_erasure(person bigint, guilds bigint[], kind text, actor text, receipt text, words text, address text, request text)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        INSERT INTO audit_log (guild_id, actor_kind, actor_id, action, target, reason, ip, request_id)
        SELECT g.id, kind, CASE WHEN p.is_own THEN p.word ELSE actor END, 'user.erased', receipt,
            guildhall_unnamed(words, person, p.word), CASE WHEN p.is_own THEN NULL ELSE address END, request
        FROM unnest(guilds) AS g (id),
            (SELECT guildhall_pseudonym(person) AS word, kind = 'user' AND actor = person::text AS is_own OFFSET 0) AS p
    $$;
REVOKE ALL ON FUNCTION guildhall_record_erasure(bigint, bigint[], text, text, text, text, text, text) FROM PUBLIC;
