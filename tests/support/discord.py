"""A stand-in for Discord: log-in by OAuth2, people, their guilds and roles, as in Discord's documentation.

Tests call it in their own process. `python -m tests.support.discord` serves it, for trying `make run`, and prints the
variables to set."""

import os
import sys
from base64 import b64decode, urlsafe_b64encode
from collections import Counter
from hashlib import sha256
from html import escape
from secrets import token_urlsafe
from typing import Any
from urllib.parse import urlencode

import msgspec

from tests.support.discord_answers import Answer, Call, Fault, json_answer, live, read, redirect, unauthorized
from tests.support.people import ADA, BO, HARBOUR, MALLORY, QUARRY

CLIENT_ID = "1029384756102938475"
CLIENT_SECRET = "the stand-in's secret, which is none"
API = "/api/v10"
AUTHORIZE = "/oauth2/authorize"

MANAGE_GUILD, ADMINISTRATOR = 1 << 5, 1 << 3
SPEAKS = 1 << 11  # the permissions of an ordinary member


class Member(msgspec.Struct):
    """A member of a guild."""

    permissions: int = SPEAKS
    owner: bool = False
    roles: list[int] = []


class Grant(msgspec.Struct):
    """What a person has allowed. `challenge` and `redirect_uri` until the code is exchanged."""

    user_id: int
    scope: str
    challenge: str
    redirect_uri: str
    access_token: str = ""
    refresh_token: str = ""
    is_expired: bool = False


class Discord:
    """The stand-in. `people`: names by id; `guilds`: names by id; `members`: by guild and person."""

    def __init__(self, redirect_uris: set[str] | None = None) -> None:
        """`redirect_uris`: the registered ones; None allows any."""
        self._registered = redirect_uris
        self.reset()

    def reset(self) -> None:
        """Returns to the initial state: three people, two guilds, nobody logged in, no faults."""
        self.redirect_uris = self._registered
        self.people = {ADA: "ada", BO: "bo", MALLORY: "mallory"}
        self.guilds = {HARBOUR: "Harbour", QUARRY: "Quarry"}
        self.members: dict[int, dict[int, Member]] = {
            HARBOUR: {ADA: Member(owner=True), BO: Member()},
            QUARRY: {MALLORY: Member(permissions=MANAGE_GUILD)},
        }
        self.expires_in = 604_800
        self.codes: dict[str, Grant] = {}
        self.grants: list[Grant] = []
        self.calls: Counter[str] = Counter()
        self.faults: dict[str, Fault] = {}

    # What a test does to it.

    def granted(self, user_id: int, scope: str) -> Grant:
        """The grant of a person, as a code represents it."""
        return Grant(user_id, scope, "", "http://a")

    def fails(self, path: str, fault: Fault) -> None:
        """Every call of `path` first meets `fault`, which returns an answer, or None to continue."""
        self.faults[path] = fault

    def take_back(self, user_id: int) -> None:
        """The person removes the application: none of their tokens is valid any more."""
        self.grants = [grant for grant in self.grants if grant.user_id != user_id]

    def expire(self, user_id: int) -> None:
        """The person's access tokens expire; their refresh tokens do not."""
        for grant in self.grants:
            grant.is_expired = grant.is_expired or grant.user_id == user_id

    # What Discord does.

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # Any: ASGI's own
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        status, headers, body = await self._answer(await read(scope, receive))
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, call: Call) -> Answer:
        path = call.path.removeprefix(API)
        template = "/users/@me/guilds/{guild}/member" if path.endswith("/member") else path
        self.calls[template] += 1
        if (fault := self.faults.get(template)) is not None and (instead := await fault(call)) is not None:
            return instead
        match call.method, template:
            case "GET", "/oauth2/authorize":
                return self._authorize(call)
            case "POST", "/oauth2/token":
                return self._token(call)
            case "POST", "/oauth2/token/revoke":
                return self._revoke(call)
            case "GET", "/users/@me":
                return self._me(call)
            case "GET", "/users/@me/guilds":
                return self._my_guilds(call)
            case "GET", "/users/@me/guilds/{guild}/member":
                return self._my_membership(call)
        return json_answer(404, {"message": "404: Not Found", "code": 0})

    def _authorize(self, call: Call) -> Answer:
        """The page on which a person agrees or refuses; their answer comes as `person` or `no`."""
        query = call.query
        uri = query.get("redirect_uri", "")
        if query.get("client_id") != CLIENT_ID or query.get("response_type") != "code":
            return json_answer(400, {"client_id": ["Unknown application"]})
        if self.redirect_uris is not None and uri not in self.redirect_uris:
            return json_answer(400, {"redirect_uri": ["Not a registered redirect URI"]})
        back = {"state": query["state"]} if "state" in query else {}
        if "no" in query:
            text = "The resource owner or authorization server denied the request"
            return redirect(uri, {"error": "access_denied", "error_description": text, **back})
        if "person" not in query:
            return self._consent(call)
        code = token_urlsafe(22)
        self.codes[code] = Grant(int(query["person"]), query.get("scope", ""), query.get("code_challenge", ""), uri)
        return redirect(uri, {"code": code, **back})

    def _consent(self, call: Call) -> Answer:
        links = "".join(
            f'<p><a href="?{escape(urlencode(call.query | {"person": str(id_)}))}">Log in as {escape(name)}</a></p>'
            for id_, name in self.people.items()
        )
        no = f'<p><a href="?{escape(urlencode(call.query | {"no": "1"}))}">Cancel</a></p>'
        html = f"<!doctype html><title>Stand-in for Discord</title><h1>Stand-in for Discord</h1>{links}{no}"
        return 200, {"content-type": "text/html; charset=utf-8"}, html.encode()

    def _token(self, call: Call) -> Answer:
        if not _is_client(call):
            return json_answer(401, {"error": "invalid_client"})
        form = call.form
        if form.get("grant_type") == "authorization_code":
            grant = self.codes.pop(form.get("code", ""), None)
            if grant is None or grant.redirect_uri != form.get("redirect_uri"):
                return json_answer(400, {"error": "invalid_grant", "error_description": 'Invalid "code" in request.'})
            challenge = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
            if grant.challenge and grant.challenge != challenge:
                return json_answer(400, {"error": "invalid_grant", "error_description": "Invalid code verifier."})
            self.grants.append(grant)
        elif form.get("grant_type") == "refresh_token":
            found = [each for each in self.grants if each.refresh_token == form.get("refresh_token")]
            if not found:
                return json_answer(400, {"error": "invalid_grant"})
            grant = found[0]
        else:
            return json_answer(400, {"error": "unsupported_grant_type"})
        grant.access_token, grant.refresh_token, grant.is_expired = token_urlsafe(22), token_urlsafe(22), False
        return json_answer(
            200,
            {
                "token_type": "Bearer",
                "access_token": grant.access_token,
                "expires_in": self.expires_in,
                "refresh_token": grant.refresh_token,
                "scope": grant.scope,
            },
        )

    def _revoke(self, call: Call) -> Answer:
        """Revokes all tokens of the authorization, whichever of them is named."""
        if not _is_client(call):
            return json_answer(401, {"error": "invalid_client"})
        token = call.form.get("token")
        owners = {each.user_id for each in self.grants if token in (each.access_token, each.refresh_token)}
        self.grants = [grant for grant in self.grants if grant.user_id not in owners]
        return json_answer(200, {})

    def _grant(self, call: Call) -> Grant | None:
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        found = (each for each in self.grants if each.access_token == token and not each.is_expired)
        return next(found, None)

    def _me(self, call: Call) -> Answer:
        grant = self._grant(call)
        if grant is None:
            return unauthorized()
        name = self.people[grant.user_id]
        return json_answer(
            200,
            {
                "id": str(grant.user_id),
                "username": name,
                "discriminator": "0",
                "global_name": name.title(),
                "avatar": None,
                "locale": "en-US",
                "mfa_enabled": True,
                "flags": 0,
            },
        )

    def _my_guilds(self, call: Call) -> Answer:
        grant = self._grant(call)
        if grant is None:
            return unauthorized()
        if "guilds" not in grant.scope.split():
            return json_answer(403, {"message": "Missing Access", "code": 50001})
        mine = [
            (guild_id, members[grant.user_id])
            for guild_id, members in sorted(self.members.items())
            if grant.user_id in members and guild_id > int(call.query.get("after", "0"))
        ]
        return json_answer(
            200,
            [
                {
                    "id": str(guild_id),
                    "name": self.guilds.get(guild_id, f"guild {guild_id}"),
                    "icon": None,
                    "banner": None,
                    "owner": member.owner,
                    "permissions": str(member.permissions),
                    "features": ["COMMUNITY"],
                }
                for guild_id, member in mine[: min(int(call.query.get("limit", "200")), 200)]
            ],
        )

    def _my_membership(self, call: Call) -> Answer:
        grant = self._grant(call)
        if grant is None:
            return unauthorized()
        guild_id = int(call.path.split("/")[-2])
        member = self.members.get(guild_id, {}).get(grant.user_id)
        if "guilds.members.read" not in grant.scope.split():
            return json_answer(403, {"message": "Missing Access", "code": 50001})
        if member is None:
            return json_answer(404, {"message": "Unknown Guild", "code": 10004})
        user = {"id": str(grant.user_id), "username": self.people[grant.user_id]}
        return json_answer(200, {"user": user, "nick": None, "roles": [str(role) for role in member.roles], "flags": 0})


def _is_client(call: Call) -> bool:
    """By HTTP Basic, or by members of the form."""
    scheme, _, value = call.headers.get("authorization", "").partition(" ")
    if scheme == "Basic":
        return b64decode(value).decode() == f"{CLIENT_ID}:{CLIENT_SECRET}"
    return (call.form.get("client_id"), call.form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)


def main() -> None:
    import uvicorn

    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8001
    ours = os.environ.get("GUILDHALL_PORT", "8000")
    print(f"""A stand-in for Discord. Start Guildhall beside it with

  export GUILDHALL_DISCORD_CLIENT_ID={CLIENT_ID}
  export GUILDHALL_DISCORD_CLIENT_SECRET="{CLIENT_SECRET}"
  export GUILDHALL_DISCORD_API_URL=http://127.0.0.1:{port}{API}
  export GUILDHALL_DISCORD_AUTHORIZE_URL=http://127.0.0.1:{port}{AUTHORIZE}
  make run

and open http://127.0.0.1:{ours}/auth/discord/login
Ada owns guild {HARBOUR}, Bo is a member of it, Mallory has Manage Guild in {QUARRY}.""")
    uvicorn.run(Discord(), port=port, log_level="warning")


if __name__ == "__main__":
    main()
