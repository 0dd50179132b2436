"""This file holds the one way to say no to a charger.

It guards that every refusal has a status and a counted reason.
"""

from http import HTTPStatus


class Refused(Exception):  # noqa: N818 - it names what happens to the charger, not an error of ours
    """The handshake ends here, with an answer.

    Args:
        status: HTTP status that the charger is told.
        result: Label for logs and `isolane_value_handshakes_total`, one of a fixed few.
        fields: Further header fields of the answer.
        detail: More for the log, nothing that the charger is told.
    """

    def __init__(self, status: int, result: str, fields: tuple[tuple[str, str], ...] = (), *, detail: str = "") -> None:
        super().__init__(f"{status} {result}")
        self.status = HTTPStatus(status)
        self.result = result
        self.fields = fields
        self.detail = detail
