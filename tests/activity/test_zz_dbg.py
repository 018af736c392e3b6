from tests.activity.test_http import *
import api.activity.shortcut as sc
async def test_x(bot, monkeypatch):
    orig = sc.ActivityShortcut.answer
    async def answer(self, scope, receive):
        m = sc._path(scope["path"]); g = sc.snowflakes.parse(m[1]) if m else None
        a = sc._authorization(scope); c = self._keyring.remembered(a)
        print("DBG", m, repr(scope["query_string"]), a, self._keyring._changes.is_fresh(), c and c.id, g and self._activity.rules(g) is not None, scope["headers"])
        return await orig(self, scope, receive)
    monkeypatch.setattr(sc.ActivityShortcut, "answer", answer)
    await record(bot, message("1")); await record(bot, message("2"))
    assert 0
