"""This file asks, for each route, whether the gate has let the request through to it.

It guards that a route which the gate does not know, or took for another, answers nobody.
"""

from http import HTTPStatus

from fastapi import HTTPException, Request

from isolane.center.store.people_views import GATE


def confirmed(request: Request) -> None:
    """End a request that the gate has not let through to this route.

    Raises:
        HTTPException: It has not.
    """
    route = request.scope.get("route")
    if route is None or request.scope.get(GATE) != route.path:
        raise HTTPException(HTTPStatus.FORBIDDEN, "nobody has a right to this")
