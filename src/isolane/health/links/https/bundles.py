"""This file says how many messages go in one POST; it guards that a bundle that fails is found out message by message.

The center tells how many it takes with each answer to a statement of the books; one that tells nothing, of an older
release, gets each message in a POST of its own. Whatever a bundle ends with, if it is not taken the next has half as
many, down to one: a message at which the center breaks soon goes alone, as it would without bundles, and is suspected
alone. After some that were taken in a row it is twice as many again.
"""

_STEADY = 8


class Bundles:
    """How many messages go in one POST.

    Args:
        window: The most.
    """

    def __init__(self, window: int) -> None:
        self._window = window
        self._told = 1
        self._limit = window
        self._in_a_row = 0

    @property
    def messages_max(self) -> int:
        """How many may go in the next."""
        return min(self._told, self._limit)

    def tell(self, number: int) -> None:
        """The center takes so many; 0 or 1: it takes no bundles."""
        self._told = max(1, min(number, self._window))

    def taken(self) -> None:
        """One, of however many messages, was taken."""
        self._in_a_row += 1
        if self._in_a_row >= _STEADY:
            self._limit = min(2 * self._limit, self._window)
            self._in_a_row = 0

    def failed(self, messages: int) -> None:
        """One of so many messages was not taken."""
        self._in_a_row = 0
        if messages > 1:
            self._limit = messages // 2
