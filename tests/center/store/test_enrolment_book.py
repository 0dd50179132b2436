"""This file keeps codes and certificates in both databases; it guards what a code may be used for, and how often."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.command_keys import key_of, read_public
from isolane.center.store.database import open_catalogue as open_engine
from isolane.center.store.enrolment_book import EnrolmentBook, Issued
from isolane.center.store.port import RefusedError
from isolane.center.store.settings import StoreSettings
from isolane.security.authority import Authority

CODE = b"c" * 32
KEY, OTHER_KEY = b"k" * 32, b"o" * 32


@pytest.fixture
async def book(store_settings: StoreSettings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EnrolmentBook]:
    catalogue = SqlCatalogue(open_engine(store_settings, tmp_path_factory.mktemp("data")))
    yield EnrolmentBook(catalogue)
    await catalogue.close()


def issued(serial: str, key: bytes = KEY, gateway: str = "gw-1", leg: str = "health") -> Issued:
    return Issued(serial, gateway, leg, key, f"pem {serial}".encode(), 1)


async def test_a_code_serves_one_key_of_one_leg_and_gives_it_again(book: EnrolmentBook) -> None:
    await book.give_code(CODE, "gw-1", ["health", "value"], 1, "terminal:somebody")
    assert await book.check_code(CODE, "gw-1", "health") is None
    first = await book.issue(issued("a"), CODE, "", "10.0.0.1")
    assert first.serial == "a"
    assert (await book.issue(issued("b"), CODE, "", "10.0.0.1")).serial == "a"
    with pytest.raises(RefusedError, match="another key"):
        await book.issue(issued("c", OTHER_KEY), CODE, "", "10.0.0.1")
    assert (await book.issue(issued("d", leg="value"), CODE, "", "10.0.0.1")).serial == "d"
    earlier = await book.check_code(CODE, "gw-1", "health")
    assert earlier is not None
    assert earlier.pem == b"pem a"
    assert {each.serial for each in await book.certificates()} == {"a", "d"}


async def test_a_code_is_for_its_gateway_its_legs_and_its_time(book: EnrolmentBook) -> None:
    await book.give_code(CODE, "gw-1", ["health"], 1, "terminal:somebody")
    for code, gateway, leg in ((CODE, "gw-2", "health"), (CODE, "gw-1", "value"), (b"x" * 32, "gw-1", "health")):
        with pytest.raises(RefusedError):
            await book.check_code(code, gateway, leg)
        with pytest.raises(RefusedError):
            await book.issue(issued("a", gateway=gateway, leg=leg), code, "", "10.0.0.1")
    assert list(await book.waiting_codes()) == ["gw-1"]
    await book.give_code(b"d" * 32, "gw-1", ["health"], 0, "terminal:somebody")
    for code in (CODE, b"d" * 32):
        with pytest.raises(RefusedError):
            await book.check_code(code, "gw-1", "health")
    assert await book.waiting_codes() == {}


async def test_who_is_locked_out_has_no_code_and_renews_nothing(book: EnrolmentBook) -> None:
    await book.give_code(CODE, "gw-1", ["health"], 1, "terminal:somebody")
    await book.issue(issued("a"), CODE, "", "10.0.0.1")
    await book.issue(issued("b"), None, "a", "10.0.0.1")
    await book.issue(issued("z", gateway="gw-2"), None, "unknown", "10.0.0.1")
    for _ in range(2):
        assert sorted(await book.revoke("gw-1", "terminal:somebody")) == ["a", "b"]
    for shown in ("a", "b"):
        with pytest.raises(RefusedError, match="revoked"):
            await book.issue(issued("c"), None, shown, "10.0.0.1")
    with pytest.raises(RefusedError):
        await book.check_code(CODE, "gw-1", "health")
    assert await book.gateways_of(["b", "z", "nobody's"]) == {"gw-1", "gw-2"}
    assert await book.revoked_since(1) == {"gw-1"}
    assert [each.revoked_ms for each in await book.certificates("gw-2")] == [None]


async def test_the_key_of_receipts_is_known_by_its_code_and_not_by_a_renewal(
    store_settings: StoreSettings, tmp_path: Path
) -> None:
    catalogue = SqlCatalogue(open_engine(store_settings, tmp_path))
    book, authority = EnrolmentBook(catalogue), Authority(tmp_path / "pki")
    authority.create("test")
    pems = [authority.issue(name, common_name="gw-1:receipt").certificate.read_bytes() for name in ("one", "two")]
    await book.give_code(CODE, "gw-1", ["receipt"], 1, "terminal:somebody")
    await book.issue(Issued("a", "gw-1", "receipt", KEY, pems[0], 1), CODE, "", "10.0.0.1")
    known = await catalogue.read(lambda session: key_of(session, "gw-1"))
    assert known == read_public(pems[0])
    await book.issue(Issued("b", "gw-1", "receipt", OTHER_KEY, pems[1], 1), None, "a", "10.0.0.1")
    assert await catalogue.read(lambda session: key_of(session, "gw-1")) == known
    await book.give_code(b"d" * 32, "gw-1", ["receipt"], 1, "terminal:somebody")
    with pytest.raises(RefusedError):
        await book.issue(issued("c", leg="receipt"), b"d" * 32, "", "10.0.0.1")
    await catalogue.close()
