"""This file makes the ledger page from the books; it guards that the equation shown adds up or says it does not."""

from dataclasses import dataclass
from typing import Final

from isolane.center.console.fleet import missing
from isolane.center.store.views import GapLine, LedgerLine

BAR_WIDTH = 1000.0
_BAR_MIN = 6.0
"""A term that is not zero is never thinner than this, so that one lost sample among millions is still seen."""

VERDICTS: Final[dict[str, tuple[str, str]]] = {
    "balanced": ("good", "Every sample is here or explained by a gap record, and both sides count the same."),
    "pending": (
        "busy",
        "Not yet even: the gateway still holds samples, or the newest blocks came after its statement.",
    ),
    "hole": ("fault", "Blocks are missing that nobody explains."),
    "unstated": ("away", "Blocks have arrived, and the gateway has not yet sent its books for this stream."),
}
"""Verdict to its tone and the sentence that explains it."""


@dataclass(frozen=True, slots=True)
class Term:
    """One term of the equation and its part of the bar (x and width in units of BAR_WIDTH)."""

    name: str
    samples: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Account:
    """One line of the books, ready to be read.

    Attributes:
        line: What the store says.
        tone: Tone of the verdict.
        sentence: What the verdict means.
        terms: acknowledged, queued, thinned, dropped, and unexplained if that is not zero.
        bar: The same as parts of a bar, with what is missing here taken out of what the gateway takes for acknowledged.
        gaps: Gap records, those that follow each other for one reason as one line.
        adds_up: Whether the gateway's own terms add up to what it produced.
        missing: Samples nobody explains.
        ahead: Samples the center has that the statement does not know yet.
    """

    line: LedgerLine
    tone: str
    sentence: str
    terms: list[Term]
    bar: list[Term]
    gaps: list[GapLine]
    adds_up: bool
    missing: int
    ahead: int


@dataclass(frozen=True, slots=True)
class GatewayBooks:
    """All accounts of one gateway, newest epoch first."""

    site: str
    gateway: str
    accounts: list[Account]

    @property
    def worst(self) -> str:
        """Tone of the worst verdict."""
        tones = {account.tone for account in self.accounts}
        return next(tone for tone in ("fault", "away", "busy", "good") if tone in tones)


def account(line: LedgerLine) -> Account:
    """Make one line readable."""
    dropped = sum(line.dropped.values())
    stated = {"acknowledged": line.acknowledged, "queued": line.queued, "thinned": line.thinned, "dropped": dropped}
    total = sum(stated.values())
    tone, sentence = VERDICTS.get(line.verdict, VERDICTS["unstated"])
    unexplained = max(0, line.produced - total)
    terms = dict(stated) | ({"unexplained": unexplained} if unexplained else {})
    lost = min(line.acknowledged, max(0, missing(line) - unexplained))
    bar = terms | {"acknowledged": line.acknowledged - lost, "missing": lost}
    return Account(
        line=line,
        tone=tone,
        sentence=sentence,
        terms=[Term(name, samples, 0, 0) for name, samples in terms.items()],
        bar=_placed(bar),
        gaps=joined(line.gaps),
        adds_up=line.stated_at_ms is not None and line.produced == total,
        missing=missing(line),
        ahead=max(0, line.samples - line.acknowledged) if line.stated_at_ms is not None else 0,
    )


def joined(gaps: list[GapLine]) -> list[GapLine]:
    """Put gap records together that follow each other, block on block, for one reason: an outage is one line."""
    out: list[GapLine] = []
    for gap in sorted(gaps, key=lambda one: one.first):
        last = out[-1] if out else None
        if last is not None and last.last + 1 == gap.first and last.reason == gap.reason:
            span = min(last.from_ms, gap.from_ms), max(last.to_ms, gap.to_ms)
            out[-1] = GapLine(last.first, gap.last, last.samples + gap.samples, gap.reason, *span)
        else:
            out.append(gap)
    return out


def _placed(terms: dict[str, int]) -> list[Term]:
    whole = sum(terms.values())
    shown = {name: max(_BAR_MIN, BAR_WIDTH * samples / whole) if samples else 0.0 for name, samples in terms.items()}
    scale = BAR_WIDTH / (sum(shown.values()) or 1.0)
    placed, x = [], 0.0
    for name, samples in terms.items():
        width = round(shown[name] * scale, 2)
        placed.append(Term(name, samples, round(x, 2), width))
        x += width
    return placed


def by_gateway(lines: list[LedgerLine]) -> list[GatewayBooks]:
    """Group the books by gateway, those with the worst verdict first."""
    names = dict.fromkeys((line.site, line.gateway) for line in lines)
    books = [
        GatewayBooks(site, gateway, [account(line) for line in lines if (line.site, line.gateway) == (site, gateway)])
        for site, gateway in names
    ]
    order = ("fault", "away", "busy", "good")
    return sorted(books, key=lambda book: (order.index(book.worst), book.site, book.gateway))
