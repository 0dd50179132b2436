"""This file says what is wrong with a source's secret; it guards that a start without it ends in one clear sentence."""

import contextlib
from collections.abc import Iterator

from isolane.core.failures import IsolaneError


@contextlib.contextmanager
def needed(source: str) -> Iterator[None]:
    """Read secrets inside; one that cannot be read or used becomes a failure that a person can mend.

    Args:
        source: Name of the source that needs them.

    Raises:
        IsolaneError: A secret cannot be read, or is not of the form that its protocol wants.
    """
    try:
        yield
    except ValueError as error:
        raise IsolaneError(f"source {source!r}: {error}", "put the secret where the table says") from error
