"""The SQL of lists of members: by display name, then by id; those without a display name last.

A place in the list is a folded display name and a user, `$2` and `$3`: a page begins behind it. A guild ($1) may have a
million members, so each statement looks at about as many rows as it gives. Each half has a limit of its own, a
constant: PostgreSQL takes one that is a parameter for a tenth of the guild.

`$5` says which hidden people are seen: null: all; else only this person."""

# No folded name has it, so it ends all that begin with a text, and stands for a missing display name.
_LAST = "chr(1114111)"

# Not `IS NULL`: PostgreSQL would expect that of one row in 200, and sort the guild to find them.
_VISIBLE = """(
    $5::bigint IS NULL OR {row}.user_id = $5 OR (
        SELECT 1 FROM privacy_choices p WHERE p.user_id = {row}.user_id AND p.hidden_at IS NOT NULL LIMIT 1
    ) IS DISTINCT FROM 1
)"""
_NAMED = f"""
    SELECT n.sort_name, n.user_id FROM member_names n
    WHERE n.guild_id = $1 AND (n.sort_name, n.user_id) > ({{place}}) AND {_VISIBLE.format(row="n")}
"""
_AFTER = _NAMED.format(place="$2, $3::bigint")
_IN_ORDER = "ORDER BY n.sort_name, n.user_id LIMIT 101"

# What is shown of the members of a page, in its order.
_SHOWN = """
    SELECT m.user_id, m.xp, m.messages, m.voice_seconds, m.reactions, m.commands, m.streak_from, m.streak_to,
        m.streak_best, m.first_seen_at, m.last_active_at, n.username, n.display_name, n.avatar, page.sort_name,
        (SELECT coalesce(sum(c.members), 0)::bigint FROM xp_counts c WHERE c.guild_id = $1 AND c.kept = 1)
            AS member_count,
        (
            SELECT json_object_agg(s.stat, s.value ORDER BY s.stat) FROM custom_stats s
            WHERE s.guild_id = $1 AND s.user_id = m.user_id
        ) AS custom_stats
    FROM page JOIN members m ON m.guild_id = $1 AND m.user_id = page.user_id
    LEFT JOIN member_names n ON n.guild_id = $1 AND n.user_id = page.user_id
    ORDER BY page.sort_name, page.user_id
"""

ALL = f"""
    WITH page AS MATERIALIZED (
        SELECT * FROM (
            ({_AFTER} AND n.sort_name < {_LAST} {_IN_ORDER})
            UNION ALL
            (
                SELECT {_LAST}, m.user_id FROM members m
                WHERE m.guild_id = $1 AND NOT m.has_display_name
                    AND m.user_id > CASE WHEN $2 = {_LAST} THEN $3 ELSE 0 END AND {_VISIBLE.format(row="m")}
                ORDER BY m.user_id LIMIT 101
            )
        ) AS halves (sort_name, user_id) ORDER BY sort_name, user_id LIMIT $4
    )
    {_SHOWN}
"""

# Those whose display name or username begins with $6, and the one whose id is $7. Display names are found in the order
# of the list, from $8 and $9 on: the place, or the first name that can begin with $6, if that is later: PostgreSQL
# would walk there from an earlier place. Usernames are not in that order, and any number may begin with a letter or
# two. So the list is walked for some way: of so many there are enough within. If there are not, they are few, and all
# of them are sorted; with `||`, since the planner would walk on to the list's end.
_WALKED = 4000
SEARCH = f"""
    WITH walked AS MATERIALIZED (
        SELECT n.sort_name, n.user_id, n.username_folded FROM member_names n
        WHERE n.guild_id = $1 AND (n.sort_name, n.user_id) > ($2, $3::bigint)
        ORDER BY n.sort_name, n.user_id LIMIT {_WALKED}
    ), passed AS MATERIALIZED (
        SELECT n.sort_name, n.user_id FROM walked n
        WHERE n.username_folded >= $6 AND n.username_folded < $6 || {_LAST} AND {_VISIBLE.format(row="n")}
        LIMIT 101
    ), page AS MATERIALIZED (
        SELECT * FROM (
            ({_NAMED.format(place="$8, $9::bigint")} AND n.sort_name < $6 || {_LAST} {_IN_ORDER})
            UNION SELECT sort_name, user_id FROM passed
            UNION (
                {_AFTER} AND n.username_folded >= $6 AND n.username_folded < $6 || {_LAST}
                    AND (SELECT count(*) FROM passed) < $4 AND (SELECT count(*) FROM walked) = {_WALKED}
                ORDER BY n.sort_name || '', n.user_id LIMIT 101
            )
            UNION (
                SELECT coalesce(n.sort_name, {_LAST}), m.user_id
                FROM members m LEFT JOIN member_names n USING (guild_id, user_id)
                WHERE m.guild_id = $1 AND m.user_id = $7 AND {_VISIBLE.format(row="m")}
                    AND (coalesce(n.sort_name, {_LAST}), m.user_id) > ($2, $3)
            )
        ) AS found (sort_name, user_id) ORDER BY sort_name, user_id LIMIT $4
    )
    {_SHOWN}
"""

# Those of these ids ($6) who are members, and whose names begin with $7, if that is not empty.
OF_IDS = f"""
    WITH page AS MATERIALIZED (
        SELECT coalesce(n.sort_name, {_LAST}) AS sort_name, m.user_id
        FROM members m LEFT JOIN member_names n USING (guild_id, user_id)
        WHERE m.guild_id = $1 AND m.user_id = ANY($6::bigint[]) AND {_VISIBLE.format(row="m")}
            AND (coalesce(n.sort_name, {_LAST}), m.user_id) > ($2, $3)
            AND ($7 = '' OR starts_with(n.sort_name, $7) OR starts_with(n.username_folded, $7) OR m.user_id = $8)
        ORDER BY sort_name, user_id LIMIT $4
    )
    {_SHOWN}
"""
