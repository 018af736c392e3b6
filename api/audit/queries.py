"""The SQL of the audit log."""


def entries(
    of: str,
    *,
    guild_id: str,
    kind: str,
    actor: str,
    action: str,
    target: str,
    reason: str,
    changes: str,
    ip: str,
    request_id: str,
    at: str = "now()",
) -> str:
    """The statement that adds an entry for each row of `of`: a statement, or a part of the one that makes the change.
    Each column is an SQL expression."""
    return f"""
        INSERT INTO audit_log (guild_id, at, actor_kind, actor_id, action, target, reason, changes, ip, request_id)
        SELECT {guild_id}, {at}, {kind}, {actor}, {action}, {target}, {reason}, {changes}::jsonb, {ip}, {request_id}
        FROM {of}
    """


# Many entries of one actor: `record` and `record_each` name the parameters.
ADD = entries(
    "unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS each (guild_id, action, target, changes)",
    guild_id="each.guild_id",
    action="each.action",
    target="each.target",
    changes="each.changes",
    kind="$5",
    actor="$6",
    reason="$7",
    ip="$8",
    request_id="$9",
)
