"""This file holds the one failure that a person is meant to read; it guards that every such failure says what to do."""


class IsolaneError(Exception):
    """Something that a person must put right before isolane can go on.

    Callers print it and exit with code 2; nobody catches it to try something else.

    Args:
        what: What is wrong, and where (file, table, key, address), as one sentence without a full stop.
        hint: What to do about it, as one sentence without a full stop.
    """

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        """Give the sentence that a person reads."""
        return f"{self.what}. {self.hint}." if self.hint else f"{self.what}."
