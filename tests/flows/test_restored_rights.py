"""This file restores a backup of last week; it guards that nothing that was revoked since is back."""

import shutil
from pathlib import Path

import pytest

from isolane.center.store.backup import backup, restore
from isolane.center.store.people_records import Note
from isolane.center.store.people_views import Role, Scope
from isolane.center.store.revocations import REVOCATIONS_FILE
from isolane.center.store.settings import StoreSettings
from isolane.core.failures import IsolaneError
from support.front import PASSWORD, Front
from support.gateways import T0_MS

KEPT, REVOKED = "iso_" + "k" * 43, "iso_" + "r" * 43
NEW_PASSWORD = "a different sentence"


async def lived(folder: Path, saved: Path) -> dict[str, str]:
    """Have a center, save it, then take something from everybody; gives the cookies of one who was in all the time."""
    async with Front(folder).running() as front:
        await front.fill()
        await front.add("first-admin")
        for name in ("leaver", "climber", "careless", "night"):
            await front.add(name, Role.ENGINEER, "north")
        for secret in (KEPT, REVOKED):
            await front.token(secret, [Scope.TELEMETRY_READ])
        await front.records.assign("yard", "north", Note(T0_MS, "test", "made", "", ""))
        async with await front.log_in("first-admin") as admin, await front.log_in("night") as night:
            backup(StoreSettings(), folder, saved, "1")
            assert (await admin.delete("/api/v1/tokens/2")).status_code == 204
            for name, change in {
                "leaver": {"disabled": True},
                "climber": {"role": "viewer"},
                "careless": {"password": NEW_PASSWORD},
            }.items():
                assert (await admin.patch(f"/api/v1/users/{name}", json=change)).status_code == 200
            assert (await admin.post("/api/v1/tenants", json={"name": "east"})).status_code == 201
            assert (await admin.put("/api/v1/tenants/south/sites/yard")).status_code == 204
            assert (await admin.put("/api/v1/tenants/east/sites/depot")).status_code == 204
            return dict(night.cookies)


async def codes(front: Front, cookies: dict[str, str]) -> list[int]:
    """Try everything from before: two tokens, a session, and who logs in."""
    found = []
    for secret in (KEPT, REVOKED):
        async with front.client(authorization=f"Bearer {secret}") as program:
            found.append((await program.get("/api/v1/chargers")).status_code)
    shown = "; ".join(f"{name}={value}" for name, value in cookies.items())
    async with front.client(cookie=shown) as client:
        found.append((await client.get("/api/v1/sites")).status_code)
    for name, password in (
        ("leaver", PASSWORD),
        ("careless", PASSWORD),
        ("careless", NEW_PASSWORD),
        ("night", PASSWORD),
    ):
        async with front.client() as client:
            body = {"name": name, "password": password}
            found.append((await client.post("/api/v1/session", json=body)).status_code)
    return found


async def test_what_was_revoked_stays_revoked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cookies = await lived(tmp_path / "old", tmp_path / "saved")
    log = tmp_path / "old" / REVOCATIONS_FILE
    done = restore(StoreSettings(), tmp_path / "new", tmp_path / "saved", revocations=log, who="terminal:root")
    assert (done.taken.sessions, done.taken.tokens, done.taken.people, done.taken.sites) == (2, 1, 3, 2)
    for start in range(2):
        caplog.clear()
        async with Front(tmp_path / "new").running() as front:
            assert ("security-event type=rollback" in caplog.text) is (start == 0)
            if start:
                continue
            assert await codes(front, cookies) == [200, 401, 401, 401, 401, 401, 200]
            async with await front.log_in("climber") as climber:
                assert (await climber.get("/api/v1/session")).json()["role"] == "viewer"
            async with await front.log_in("first-admin") as admin:
                tenants = {one["name"]: one["sites"] for one in (await admin.get("/api/v1/tenants")).json()}
                assert tenants == {"north": [], "south": ["harbour", "yard"]}
                lines = (await admin.get("/api/v1/audit?limit=1000")).json()
    again = {(line["what"], line["subject"].split()[0]) for line in lines if line["who"] == "terminal:root"}
    assert again == {
        ("restored", "made"),
        ("token-revoked", "2"),
        *(("user-changed", name) for name in ("leaver", "climber", "careless")),
        *(("site-assigned", site) for site in ("depot", "yard")),
    }
    # The log goes on: a backup from before is as good as the first time.
    shutil.rmtree(tmp_path / "old")
    log = tmp_path / "new" / REVOCATIONS_FILE
    done = restore(StoreSettings(), tmp_path / "third", tmp_path / "saved", revocations=log)
    assert (done.taken.tokens, done.taken.people) == (1, 3)


async def test_without_the_log_nobody_keeps_anything(tmp_path: Path) -> None:
    cookies = await lived(tmp_path / "old", tmp_path / "saved")
    with pytest.raises(IsolaneError, match="nobody knows what was revoked"):
        restore(StoreSettings(), tmp_path / "new", tmp_path / "saved")
    (tmp_path / "other").write_bytes(b'{"type":"log","id":"another"}\n')
    with pytest.raises(IsolaneError, match="does not tell"):
        restore(StoreSettings(), tmp_path / "new", tmp_path / "saved", revocations=tmp_path / "other")
    assert not (tmp_path / "new").exists()
    done = restore(StoreSettings(), tmp_path / "new", tmp_path / "saved", revoke_all=True)
    assert (done.taken.tokens, done.taken.people) == (2, 5)
    async with Front(tmp_path / "new").running() as front:
        assert set(await codes(front, cookies)) == {401}
