/* What the database keeps as comments, in the field's words. */
COMMENT ON TABLE logins IS 'The state of a finished log-in: each state is good for one.';
COMMENT ON COLUMN logins.expires_at IS 'When the state would have expired.';
COMMENT ON COLUMN sessions.refresh_token IS 'Discord''s refresh token, encrypted; empty once it is revoked.';
COMMENT ON COLUMN sessions.ended_at IS 'When it ended; the row is deleted a day later.';

COMMENT ON COLUMN guild_settings_revisions.reason IS 'The reason that was given.';
COMMENT ON COLUMN audit_log.reason IS 'The reason that was given.';

COMMENT ON TABLE activity_ids IS 'Which events have been counted. Partitions are weeks of delivery; imported ones have a partition of their own.';

COMMENT ON COLUMN achievements.retroactive IS 'Whether a backfill gives it to those who meet it already.';
COMMENT ON COLUMN achievement_awards.member_id IS 'The member''s row: the award is deleted with it.';
COMMENT ON COLUMN achievement_awards.revoked_at IS 'When it was revoked; empty: they have it.';
COMMENT ON COLUMN achievement_awards.revoked_by IS 'Who revoked it.';
COMMENT ON TABLE achievement_backfills IS 'The progress of a backfill, which gives an achievement to members who meet it already.';
COMMENT ON COLUMN achievement_backfills.after_guild_id IS 'The guild whose members are being evaluated.';
COMMENT ON COLUMN achievement_backfills.after_user_id IS 'The last member there who was evaluated.';
COMMENT ON COLUMN achievement_backfills.evaluated IS 'Members who were evaluated.';
COMMENT ON COLUMN achievement_backfills.members IS 'Members when it began.';
COMMENT ON COLUMN achievement_backfills.awarded IS 'Members who got it.';

COMMENT ON TABLE outbox IS 'Events of committed changes that have no position in the stream yet.';
COMMENT ON COLUMN outbox.data IS 'The event''s data.';
COMMENT ON TABLE stream_events IS 'The event stream: what clients read, in the order of its positions. Partitions are days, kept for seven.';
COMMENT ON COLUMN stream_events.data IS 'The event''s data.';

COMMENT ON COLUMN webhooks.secret IS 'The secret that signs, encrypted.';
COMMENT ON COLUMN webhooks.disabled_at IS 'When it was disabled; empty: it is enabled.';
COMMENT ON COLUMN webhooks.failing_since IS 'When deliveries began to fail; empty: they arrive.';
COMMENT ON COLUMN webhooks.failures IS 'Failures in a row.';
COMMENT ON COLUMN webhooks.backoff_until IS 'After a failure: nothing is sent before then.';
COMMENT ON COLUMN webhooks.due_at IS 'When a delivery is due; empty: none is.';
COMMENT ON COLUMN webhooks.leased_until IS 'When another process may send if the holder does not renew its lease.';
COMMENT ON COLUMN webhooks.scopes IS 'The reading scopes of its maker, which bound the data that it receives.';
COMMENT ON COLUMN webhooks.key_id IS 'The first key of the rotations that made it: it ends with the last one; empty: a person made it.';
COMMENT ON COLUMN webhooks.done_id IS 'All its deliveries up to this id were attempted.';
COMMENT ON TABLE webhook_deliveries IS 'The delivery of an event to a webhook. Kept for a week.';
COMMENT ON COLUMN webhook_deliveries.day IS 'The partition of the stream with the event; empty: a test.';
COMMENT ON COLUMN webhook_deliveries.at IS 'When the event happened.';
COMMENT ON COLUMN webhook_deliveries.attempts IS 'How often it was attempted.';
COMMENT ON COLUMN webhook_deliveries.next_at IS 'When it is attempted next.';
COMMENT ON COLUMN webhook_deliveries.outcome IS 'The outcome of the last attempt: a status, or why there is none.';
COMMENT ON TABLE webhook_position IS 'The progress of creating deliveries: one row, which each round writes anew.';
COMMENT ON COLUMN webhook_position.position IS 'The last event whose deliveries are created.';
COMMENT ON COLUMN webhook_position.webhook_id IS 'If the next event concerns every guild: the last webhook that has its delivery; empty: none.';

COMMENT ON TABLE imports IS 'An import: where its file is from, how far it is, and its result.';
COMMENT ON COLUMN imports.dry_run IS 'Whether it changes nothing, and only counts what would change.';
COMMENT ON COLUMN imports.takes_settings IS 'Whether the file''s settings are imported too.';
COMMENT ON COLUMN imports.refused IS 'Rows that were refused.';
COMMENT ON COLUMN imports.preview IS 'Of a dry run: how the first 100 members would change.';
COMMENT ON COLUMN imports.reason IS 'The reason that was given.';
COMMENT ON COLUMN imports.session_id IS 'The session of the person who asked for it: the import ends with it.';
COMMENT ON COLUMN imports.digest IS 'SHA-256 of the file, to recognise it when it is sent again.';
COMMENT ON COLUMN imports.counted_before IS 'Rows that an earlier attempt, which failed, has counted.';
COMMENT ON TABLE import_uploads IS 'The upload of a file: a guild has one at a time.';
COMMENT ON COLUMN import_uploads.import_id IS 'The id that the import will have.';
COMMENT ON COLUMN import_uploads.leased_until IS 'When another upload may begin if nothing more of this one arrives.';

COMMENT ON TABLE idempotent_answers IS 'Idempotency keys: those of running requests, and for a day those of answered requests with their answers.';
COMMENT ON COLUMN idempotent_answers.leased_until IS 'When another request may take the key if there is no answer by then.';
COMMENT ON COLUMN idempotent_answers.expires_at IS 'When it is deleted.';
COMMENT ON COLUMN idempotent_answers.user_ids IS 'The people whom the body names: erasing one of them deletes the answer.';

COMMENT ON TABLE jobs IS 'Work that waits or runs; a row is deleted when its work is done.';
COMMENT ON COLUMN jobs.kind IS 'The kind of work: import or backfill.';
COMMENT ON COLUMN jobs.subject IS 'The id of the import or the achievement.';
COMMENT ON COLUMN jobs.holder IS 'The process that works on it; empty while it waits.';
COMMENT ON COLUMN jobs.leased_until IS 'When another process may take it if the holder does not renew its lease.';
COMMENT ON COLUMN jobs.attempts IS 'Attempts since its last progress.';
