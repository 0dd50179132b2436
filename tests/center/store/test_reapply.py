"""This file takes again what a backup would give back; it guards that each kind of catalogue gets it, noted."""

from pathlib import Path

import pytest

from isolane.center.store.backup import backup, restore
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_catalogue
from isolane.center.store.enrolment_book import EnrolmentBook
from isolane.center.store.people_records import MachineToken, Note, OpenSession, PeopleRecords, Person
from isolane.center.store.port import RefusedError
from isolane.center.store.revocations import RevocationLog
from isolane.center.store.settings import StoreSettings
from support.gateways import T0_MS

NOTE = Note(T0_MS, "test", "made", "", "")
TOKEN = MachineToken(0, b"t" * 32, "robot", "telemetry:read", "*", T0_MS, "test", T0_MS * 2, None)
SESSION = OpenSession(b"s" * 32, "night", b"d" * 32, T0_MS, T0_MS, "", "")


async def test_a_log_on_another_disk_needs_no_name(in_postgres: StoreSettings, tmp_path: Path) -> None:
    """The corrected catalogue goes into a server as it goes into a file."""
    log = tmp_path / "safe/revocations.log"
    settings = StoreSettings(revocations=log)
    catalogue = SqlCatalogue(open_catalogue(settings, tmp_path / "old"))
    records = PeopleRecords(catalogue, RevocationLog(log))
    await records.add_person(Person("night", "viewer", "*", None, None, False, T0_MS), NOTE)
    number = await records.add_token(TOKEN, NOTE)
    await records.open_session(SESSION, NOTE, None)
    backup(settings, tmp_path / "old", tmp_path / "saved", "1")
    await records.revoke_token(number, NOTE)
    await catalogue.close()
    there = StoreSettings(
        catalogue=in_postgres.catalogue, catalogue_password=in_postgres.catalogue_password, revocations=log
    )
    taken = restore(there, tmp_path / "new", tmp_path / "saved", who="root").taken
    assert (taken.sessions, taken.tokens, taken.people, taken.sites) == (1, 1, 0, 0)
    catalogue = SqlCatalogue(open_catalogue(there, tmp_path / "new"))
    records = PeopleRecords(catalogue)
    (token,) = await records.tokens()
    lines = await records.audit(None, 10)
    assert (token.revoked_ms is not None, await records.sessions("night")) == (True, [])
    assert [(line.what, line.who) for line in lines][:2] == [("token-revoked", "root"), ("restored", "root")]
    await catalogue.close()
    assert [path.name for path in (tmp_path / "new").iterdir()] == []


async def test_no_backup_brings_an_enrolment_code_back(tmp_path: Path) -> None:
    settings = StoreSettings()
    catalogue = SqlCatalogue(open_catalogue(settings, tmp_path / "old"))
    RevocationLog(tmp_path / "old/revocations.log")
    await EnrolmentBook(catalogue).give_code(b"c" * 32, "gw-1", ["health"], 24, "test")
    await EnrolmentBook(catalogue).check_code(b"c" * 32, "gw-1", "health")
    backup(settings, tmp_path / "old", tmp_path / "saved", "1")
    await catalogue.close()
    log = StoreSettings(revocations=tmp_path / "old/revocations.log")
    restore(log, tmp_path / "new", tmp_path / "saved", who="root")
    catalogue = SqlCatalogue(open_catalogue(settings, tmp_path / "new"))
    with pytest.raises(RefusedError):
        await EnrolmentBook(catalogue).check_code(b"c" * 32, "gw-1", "health")
    what = [line.what for line in await PeopleRecords(catalogue).audit(None, 10)]
    assert "enrolment-code-ended" in what
    await catalogue.close()
