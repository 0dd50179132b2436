"""This file runs `make attack` on other cases: what holds passes, what does not fails, all the rest is an error."""

import asyncio
import re
import sys
from pathlib import Path

CASES = r"""
version: 1
limits: {handshake_s: 5, preauth_conns: 256, auth_per_min: 5, max_message: 65536, nb_detect_s: 30, assembly_s: 15}
cases:
- id: AX-01
  title: what this relay refuses, said in other words
  driver: http_raw
  do:
  - for_each: {t: ['http://evil/ocpp/${cp}', '/OCPP/${cp}', '/ocpp/${rep:A:49}']}
    request: {line: 'GET ${t} HTTP/1.1'}
  - ws.frame: {op: 1, mask: false, payload: '[2,"1","Heartbeat",{}]'}
  expect: {status_in: [400, 404], never: 101, close: 1002, forwarded: false}
  observe: [ALIVE, NOENTRY, LOGSAFE]
- id: AX-02
  title: a number that does not hold
  driver: ocpp_sim
  do:
  - ocpp.connect: {cp: CP1, auth_key: wrong}
  expect: {status: 403}
  observe: [ALIVE]
- id: AX-03
  title: an observable that does not hold
  driver: ocpp_sim
  do:
  - ocpp.connect: {cp: CP1}
  expect: {legit_connected_within_s: 10}
  observe: [SECEVENT]
- id: AX-04
  title: a step that nobody knows
  driver: ocpp_sim
  do:
  - ocpp.teleport: {cp: CP1}
  expect: {status: 401}
- id: AX-05
  title: a word of a step that nobody knows
  driver: ocpp_sim
  do:
  - ocpp.connect: {cp: CP1, colour: red}
  expect: {status: 401}
- id: AX-06
  title: a sentence that nobody knows
  driver: ocpp_sim
  do:
  - ocpp.connect: {cp: CP1}
  expect: {legit_connected_within_s: as soon as it likes}
- id: AX-07
  title: nothing that could be judged
  driver: ocpp_sim
  do:
  - ocpp.connect: {cp: CP1}
- id: AX-08
  title: a measure that no step takes
  driver: ocpp_sim
  do:
  - ocpp.connect: {cp: CP1}
  expect: {late_reply: forwarded on no session or on its own only}
"""
ERRORS = {
    "AX-04": "ocpp.teleport",
    "AX-05": "colour",
    "AX-06": "as soon as it likes",
    "AX-07": "nothing",
    "AX-08": "late_reply",
}


async def test_cases_of_another_file_pass_fail_or_are_errors(tmp_path: Path) -> None:
    (tmp_path / "cases.yaml").write_text(CASES, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.attack", "--cases", str(tmp_path / "cases.yaml"), "--quick"),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    async with asyncio.timeout(120):
        out, _ = await process.communicate()
    said = re.split(r"^(?=AX-)", out.decode(), flags=re.MULTILINE)
    of = {part[:5]: part for part in said if part.startswith("AX-")}
    assert of["AX-01"].split()[1] == "passed", of["AX-01"]
    assert "status: 401, expected 403" in of["AX-02"]
    assert "failed: SECEVENT: no security event" in of["AX-03"]
    for case, named in ERRORS.items():
        assert of[case].split()[1] == "error", of[case]
        assert named in of[case], of[case]
    assert "1 passed, 2 failed, 5 errors" in said[-1]
    assert process.returncode == 1
