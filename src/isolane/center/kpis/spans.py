"""This file is the algebra of time; it guards that no instant is ever counted twice.

A span is half-open, [from_ms, to_ms) in UTC ms. `Spans` are in normal form: ascending, not empty, apart from each
other. All functions take spans in normal form (`normal` makes it) and give it.
"""

from collections.abc import Iterable

Span = tuple[int, int]
Spans = tuple[Span, ...]


def normal(spans: Iterable[Span]) -> Spans:
    """Bring any spans into normal form: empty ones vanish, those that overlap or touch become one."""
    out: list[Span] = []
    for begin, end in sorted(spans):
        if begin >= end:
            continue
        if out and begin <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((begin, end))
    return tuple(out)


def union(*many: Spans) -> Spans:
    """Give the instants that are in any of them."""
    return normal(span for spans in many for span in spans)


def intersection(one: Spans, other: Spans) -> Spans:
    """Give the instants that are in both."""
    out: list[Span] = []
    here = there = 0
    while here < len(one) and there < len(other):
        begin, end = max(one[here][0], other[there][0]), min(one[here][1], other[there][1])
        if begin < end:
            out.append((begin, end))
        if one[here][1] <= other[there][1]:
            here += 1
        else:
            there += 1
    return tuple(out)


def difference(one: Spans, other: Spans) -> Spans:
    """Give the instants that are in the first and not in the second."""
    out: list[Span] = []
    at = 0
    for begin, end in one:
        left = begin
        while at < len(other) and other[at][1] <= left:
            at += 1
        ahead = at
        while ahead < len(other) and other[ahead][0] < end:
            if left < other[ahead][0]:
                out.append((left, other[ahead][0]))
            left = max(left, other[ahead][1])
            ahead += 1
        if left < end:
            out.append((left, end))
    return tuple(out)


def length_ms(spans: Spans) -> int:
    """Add up the lengths, ms."""
    return sum(end - begin for begin, end in spans)
