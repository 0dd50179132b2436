"""This file tests the watch over the gateway's own certificates; it guards that the first to end counts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from isolane.core.clock import SystemClock
from isolane.health.sources.host import plan
from isolane.health.sources.host.certificates import CertificateEnds
from isolane.health.sources.host.settings import HostSettings
from isolane.health.sources.host.source import HostSource
from support.readings import running


def issued(file: Path, days: int) -> datetime:
    """Write a certificate that ends in so many days; gives its end, to the second."""
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    trustme.CA().issue_cert("gw-1", not_after=end).cert_chain_pems[0].write_to_path(file)
    return end


def test_the_first_that_ends_counts_and_a_renewed_one_is_read_again(tmp_path: Path) -> None:
    long, short = tmp_path / "long.pem", tmp_path / "short.pem"
    issued(long, 300)
    end = issued(short, 20)
    ends = CertificateEnds([long, short, tmp_path / "none.pem"])
    assert ends.left_s(end - timedelta(days=3)) == 3 * 86_400
    assert ends.left_s(end + timedelta(seconds=5)) == -5
    renewed = issued(tmp_path / "new.pem", 200)
    (tmp_path / "new.pem").replace(short)
    assert ends.left_s(end) == (renewed - end).total_seconds()


def test_what_is_no_certificate_has_no_end(tmp_path: Path) -> None:
    (tmp_path / "torn.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nxx")
    assert CertificateEnds([tmp_path / "torn.pem", tmp_path]).left_s() is None
    source = HostSource(HostSettings(certificates=(tmp_path / "torn.pem",)), SystemClock())
    assert plan.CERTIFICATE not in {signal.key for signal in source.signals}


async def test_the_host_tells_it(tmp_path: Path) -> None:
    issued(tmp_path / "gw-1.pem", 20)
    source = HostSource(HostSettings(certificates=(tmp_path / "gw-1.pem",), period_s=0.1), SystemClock())
    async with running(source) as kept:
        await kept.until(lambda: kept.value(plan.CERTIFICATE) is not None)
    value = kept.value(plan.CERTIFICATE)
    assert value is not None
    assert 19 * 86_400 < value <= 20 * 86_400 + 3600
