"""How far somebody's right over a person goes."""

from api.auth.actors import Actor


def reach(actor: Actor, user_id: int) -> list[int] | None:
    """The only guilds whose part of this person the actor may see and erase; None: everything. A person's own
    part is theirs in every guild; what a key has no scope for was refused before."""
    if actor.kind == "user" and actor.id == str(user_id):
        return None
    return actor.guild_list()
