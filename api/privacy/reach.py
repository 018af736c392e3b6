"""How far an actor's rights over a person reach."""

from api.auth.actors import Actor


def reach(actor: Actor, user_id: int) -> list[int] | None:
    """The guilds whose data of this person the actor may see and erase; None: all. A person's own data is theirs in
    every guild. Keys without the scope were refused before."""
    if actor.kind == "user" and actor.id == str(user_id):
        return None
    return actor.guild_list()
