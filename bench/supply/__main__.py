"""This file is `make supply`; it guards that a check which did not run is told apart from one that found nothing."""

import argparse
import json
import sys
from pathlib import Path

from bench.supply import audit, bill, locks, secrets, source


def main() -> int:
    """Run every check; 0 for all clean, 1 for findings, 3 where one could not run and none found anything."""
    parser = argparse.ArgumentParser(prog="make supply", description="Check what isolane is made of.")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the bill of materials there (CycloneDX)")
    options = parser.parse_args()
    failed = _tell("locks", locks.wrong_locks())
    there = bill.installed(Path(sys.executable))
    document = bill.bill_of_materials(Path(sys.prefix))
    missing, more = bill.compare(document, there)
    failed |= _tell(f"bill of materials ({len(document['components'])} components)", missing + more)
    failed |= _tell("installed as locked", bill.not_locked(there))
    if options.out is not None:
        options.out.write_text(json.dumps(document, indent=1), encoding="utf-8")
    failed |= _tell("source", source.findings())
    names = secrets.tracked()
    failed |= _tell(f"secrets ({len(names)} files)", secrets.unknown(secrets.scan(locks.ROOT, names)))
    failed |= _tell("audit's canary", [fault for fault in (audit.canary_is_found(),) if fault])
    unheard = []
    for said in audit.public_audit():
        failed |= _tell("known vulnerabilities", list(said.found)) if said.ran else False
        unheard += [] if said.ran else [said.why]
    for why in unheard:
        print(f"{'known vulnerabilities':40} NOT RUN: the public service did not answer ({why})")
    return 1 if failed else 3 if unheard else 0


def _tell(name: str, wrong: list[str]) -> bool:
    print(f"{name:40} {'ok' if not wrong else f'{len(wrong)} found'}", flush=True)
    for line in wrong:
        print(f"    {line}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
