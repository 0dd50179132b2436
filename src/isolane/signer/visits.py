"""This file knows who may use the page: whoever has the code that stands at the terminal where the signer was started.

It guards that neither another user of this machine nor a page from elsewhere can sign: the code opens a session, whose
cookie no script sees, and each form carries the session's own token.
"""

import hmac
import secrets
from collections import OrderedDict
from http.cookies import CookieError, SimpleCookie
from typing import Final

COOKIE: Final = "isolane-signer"
SESSIONS_MAX: Final = 8


class Visits:
    """Sessions of this run; none outlives it.

    Attributes:
        code: What opens one.
    """

    def __init__(self) -> None:
        self.code = secrets.token_urlsafe(24)
        self._tokens: OrderedDict[str, str] = OrderedDict()

    def open(self, code: str) -> str | None:
        """Give the cookie's header of a new session; None for a wrong code."""
        if not hmac.compare_digest(code.encode(errors="replace"), self.code.encode()):
            return None
        session = secrets.token_urlsafe(32)
        self._tokens[session] = secrets.token_urlsafe(32)
        while len(self._tokens) > SESSIONS_MAX:
            self._tokens.popitem(last=False)
        return f"{COOKIE}={session}; Path=/; HttpOnly; SameSite=Lax"

    def form_token(self, cookies: str) -> str | None:
        """Give the token that a form of this session carries; None without a session."""
        try:
            found = SimpleCookie(cookies).get(COOKIE)
        except CookieError:
            return None
        return None if found is None else self._tokens.get(found.value)

    def is_ours(self, cookies: str, token: str) -> bool:
        """Tell whether a form is of the session that sends it."""
        expected = self.form_token(cookies)
        return expected is not None and hmac.compare_digest(expected.encode(), token.encode(errors="replace"))
