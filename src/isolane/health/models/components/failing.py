"""This file follows a share of sessions that fail; it guards that few sessions are not taken for many, nor old for new.

Each session says yes or no. A filter expects of it the share p, which grows by a rate r a session; r goes at random:

    p += r,  r += N(0, q^2)        y = 1 or 0, with the variance p (1 - p)

One q follows a slow ramp well and a fast one badly. So there are two, and what they say is weighed by how well each
foretold the newest sessions: each one's log-likelihood fades by a fiftieth a session. Source:
docs/reference/models/pilot.md.
"""

import math

import msgspec
import numpy as np

_PACES = (6e-5, 2e-4)
"""How far the rate goes in a session, q; chosen on simulated sessions, docs/reference/models/pilot.md."""
_KEPT = 0.98
_SHARE_SD, _RATE_SD = 0.01, 1e-4
_LEAST = 0.01
"""No share is held for surer than one in a hundred either way."""


def _each(value: float) -> list[float]:
    return [value] * len(_PACES)


class Failing(msgspec.Struct, kw_only=True):
    """A share that is followed, and all that has to be remembered of it; a list has one number for each pace.

    Attributes:
        sessions: Taken so far.
        shares: 0 to 1.
        rates: By which they grow a session.
        share_variances: Of the shares.
        rate_variances: Of the rates.
        both: Covariances of the two.
        fits: Faded log-likelihood.
    """

    sessions: int = 0
    shares: list[float]
    rates: list[float] = msgspec.field(default_factory=lambda: _each(0.0))
    share_variances: list[float] = msgspec.field(default_factory=lambda: _each(_SHARE_SD**2))
    rate_variances: list[float] = msgspec.field(default_factory=lambda: _each(_RATE_SD**2))
    both: list[float] = msgspec.field(default_factory=lambda: _each(0.0))
    fits: list[float] = msgspec.field(default_factory=lambda: _each(0.0))

    def take(self, *, failed: bool) -> None:
        """Take a session."""
        self.sessions += 1
        rate, rate_variance = np.array(self.rates), np.array(self.rate_variances)
        share = np.clip(np.array(self.shares) + rate, 0.0, 1.0)
        variance = np.array(self.share_variances) + 2 * np.array(self.both) + rate_variance
        both = np.array(self.both) + rate_variance
        rate_variance = rate_variance + np.square(_PACES)
        expected = np.clip(share, _LEAST, 1 - _LEAST)
        self.fits = (_KEPT * np.array(self.fits) + np.log(expected if failed else 1 - expected)).tolist()
        total = variance + expected * (1 - expected)
        off, gain, turn = float(failed) - share, variance / total, both / total
        share, rate = np.clip(share + gain * off, 0.0, 1.0), rate + turn * off
        self.shares, self.rates = share.tolist(), np.where((share == 0) & (rate < 0), 0.0, rate).tolist()
        self.rate_variances = (rate_variance - turn * both).tolist()
        self.share_variances, self.both = (variance * (1 - gain)).tolist(), (both * (1 - gain)).tolist()

    def told(self) -> tuple[float, float]:
        """Give the share, 0 to 1, and its standard deviation."""
        fits, shares = np.array(self.fits), np.array(self.shares)
        weights = np.exp(fits - fits.max())
        weights /= weights.sum()
        share = min(float(weights @ shares), 1.0)
        return share, math.sqrt(float(weights @ (np.array(self.share_variances) + (shares - share) ** 2)))


def begun(usual: float) -> Failing:
    """Give the start: a share that is usual in good health."""
    return Failing(shares=_each(usual))
