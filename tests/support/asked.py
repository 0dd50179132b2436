"""This file asks an application without its gate; it guards that a test says who asks."""

from isolane.center.people.gate import App, Receive, Scope, Send
from isolane.center.store.people_views import Caller, Role, Visit, set_caller

OPEN = Caller("", Role.ADMIN, None, None, open=True)
"""Whoever reaches a center that has no people yet."""


class Asked:
    """An ASGI application in front of another; `who` asks everything, and may be changed between requests."""

    def __init__(self, app: App, who: Caller = OPEN) -> None:
        self._app = app
        self.who = who

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        set_caller(self.who, Visit("10.1.2.3"))
        await self._app(scope, receive, send)
