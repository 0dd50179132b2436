"""This file says by which test each fault is covered for each kind of source, or why it cannot happen to that kind.

It guards that no field of the table is empty and that no test named in it is missing: a new kind, a new fault or a
test that goes away makes it fail.
"""

import ast
from functools import cache

import pytest

from isolane.health.sources.settings import AnySourceSettings
from support.tree import ROOT

FAULTS = (
    "hangs",
    "floods",
    "wrong lengths",
    "exceptions",
    "restarts",
    "unit ids",
    "byte orders",
    "partial blocks",
    "reconnect storms",
    "delays no neighbour",
    "few requests",
)
TCP = "health/sources/modbus/test_source.py::"
RTU = "health/sources/modbus/test_rtu.py::"
PLAN = "health/sources/modbus/test_plan.py::"
HTTP = "health/sources/http_json/test_source.py::"
MQTT = "health/sources/mqtt/test_source.py::"
GREETED = "health/sources/mqtt/test_connect.py::"
SNMP = "health/sources/snmp/test_source.py::"
AGENT = "health/sources/snmp/test_connect.py::"
CAN = "health/sources/can/test_source.py::"
OCPP = "health/sources/ocpp/test_source.py::"
PEERS = "conformance/test_source_sick_peers.py::test_sickness_is_a_reason_and_stays_at_home"
TYPES = "health/sources/modbus/test_decode.py::test_every_type_reads_what_struct_wrote"
FEWEST = PLAN + "test_each_template_is_polled_with_the_fewest_requests_and_crosses_no_forbidden_hole"
SICK = "test_a_sick_device_gives_its_reason_and_recovers"

NO_UNITS = "one peer an address: there is no unit to mistake"
TEXT = "numbers are text in JSON, which has no byte order"
KERNEL = "its peer is the kernel of this machine, which answers at once or the machine stands still"
HEARD = "it is told and never asks"

TABLE: dict[str, dict[str, str]] = {
    "modbus": {
        "hangs": TCP + SICK,
        "floods": TCP + SICK,
        "wrong lengths": TCP + SICK,
        "exceptions": TCP + SICK,
        "restarts": TCP + "test_a_device_restarts",
        "unit ids": TCP + SICK,
        "byte orders": TYPES,
        "partial blocks": TCP + "test_one_refused_request_leaves_the_others",
        "reconnect storms": TCP + "test_a_peer_that_hangs_up_at_once_is_not_stormed",
        "delays no neighbour": TCP + "test_a_unit_that_hangs_costs_its_neighbours_nothing",
        "few requests": FEWEST,
    },
    "modbus rtu": {
        "hangs": RTU + SICK,
        "floods": RTU + SICK,
        "wrong lengths": RTU + SICK,
        "exceptions": RTU + SICK,
        "restarts": RTU + "test_an_adapter_that_is_plugged_in_again_is_opened_again",
        "unit ids": RTU + "test_the_answer_is_found_behind_a_strangers_late_one",
        "byte orders": TYPES,
        "partial blocks": RTU + "test_one_refused_request_leaves_the_others",
        "reconnect storms": PEERS,
        "delays no neighbour": RTU + "test_two_units_on_one_bus_are_read_and_an_absent_one_costs_them_nothing",
        "few requests": FEWEST,
    },
    "http_json": {
        "hangs": HTTP + "test_a_sick_server_gives_its_reason_and_recovers",
        "floods": HTTP + "test_a_sick_server_gives_its_reason_and_recovers",
        "wrong lengths": HTTP + "test_a_sick_server_gives_its_reason_and_recovers",
        "exceptions": HTTP + "test_a_sick_server_gives_its_reason_and_recovers",
        "restarts": HTTP + "test_a_server_that_restarts_is_read_again",
        "unit ids": NO_UNITS,
        "byte orders": TEXT,
        "partial blocks": HTTP + "test_values_come_from_their_paths_over_one_connection",
        "reconnect storms": HTTP + "test_a_server_that_hangs_up_is_not_stormed",
        "delays no neighbour": HTTP + "test_a_neighbour_keeps_its_pace_beside_one_that_floods",
        "few requests": HTTP + "test_values_come_from_their_paths_over_one_connection",
    },
    "mqtt": {
        "hangs": GREETED + "test_a_sick_broker_gives_its_reason_and_recovers",
        "floods": MQTT + "test_a_flood_is_bounded_and_counted",
        "wrong lengths": GREETED + "test_a_sick_broker_gives_its_reason_and_recovers",
        "exceptions": MQTT + "test_a_broker_that_refuses_says_so",
        "restarts": MQTT + "test_a_broker_that_restarts_is_found_again",
        "unit ids": NO_UNITS,
        "byte orders": TEXT,
        "partial blocks": GREETED + "test_a_message_with_a_part_of_the_values_leaves_the_others_to_their_silence",
        "reconnect storms": PEERS,
        "delays no neighbour": PEERS,
        "few requests": HEARD,
    },
    "snmp": {
        "hangs": AGENT + "test_a_sick_agent_gives_its_reason_and_recovers",
        "floods": AGENT + "test_a_sick_agent_gives_its_reason_and_recovers",
        "wrong lengths": AGENT + "test_a_sick_agent_gives_its_reason_and_recovers",
        "exceptions": AGENT + "test_a_sick_agent_gives_its_reason_and_recovers",
        "restarts": SNMP + "test_an_agent_that_is_away_or_does_not_know_us_is_a_time_out_and_recovers",
        "unit ids": NO_UNITS,
        "byte orders": "the encoding rules of SNMP have one byte order",
        "partial blocks": AGENT + "test_a_sick_agent_gives_its_reason_and_recovers",
        "reconnect storms": AGENT + "test_an_agent_that_fails_is_asked_less_and_less",
        "delays no neighbour": PEERS,
        "few requests": AGENT + "test_objects_are_asked_for_together",
    },
    "can": {
        "hangs": CAN + "test_silence_and_frames_of_the_wrong_form_are_reasons",
        "floods": CAN + "test_a_flood_is_bounded",
        "wrong lengths": CAN + "test_silence_and_frames_of_the_wrong_form_are_reasons",
        "exceptions": CAN + "test_frames_of_errors_and_requests_are_counted_and_mean_nothing",
        "restarts": "no test may take an interface of the kernel away; one that is missing is tried again, see storms",
        "unit ids": CAN + "test_frames_become_readings",
        "byte orders": "health/sources/can/test_decode.py::test_the_order_of_bytes_is_the_files",
        "partial blocks": CAN + "test_frames_become_readings",
        "reconnect storms": CAN + "test_an_interface_that_is_not_there_is_a_reason",
        "delays no neighbour": CAN + "test_a_flood_holds_up_no_neighbour",
        "few requests": HEARD,
    },
    "host": {
        "hangs": KERNEL,
        "floods": KERNEL,
        "wrong lengths": "health/sources/host/test_connect.py::test_the_most_worn_memory_counts",
        "exceptions": "health/sources/host/test_decode.py::test_what_the_machine_does_not_say_is_a_reason",
        "restarts": "this process does not outlive its machine",
        "unit ids": "there is one host",
        "byte orders": "the kernel's numbers are this machine's",
        "partial blocks": "health/sources/host/test_decode.py::test_what_the_machine_does_not_say_is_a_reason",
        "reconnect storms": "there is nothing to connect to",
        "delays no neighbour": PEERS,
        "few requests": "one look reads everything",
    },
    "ocpp": {
        "hangs": OCPP + "test_a_tap_that_says_nothing_makes_nothing_known",
        "floods": OCPP + "test_a_flood_shares_the_loop",
        "wrong lengths": OCPP + "test_a_malformed_packet_is_counted_and_survived",
        "exceptions": OCPP + "test_lost_events_make_states_unknown_until_told_again",
        "restarts": OCPP + "test_a_new_tap_replaces_the_old",
        "unit ids": OCPP + "test_security_events_are_told_and_counted_by_type",
        "byte orders": TEXT,
        "partial blocks": OCPP + "test_lost_events_make_states_unknown_until_told_again",
        "reconnect storms": "the tap connects to it, and one at a time is taken",
        "delays no neighbour": OCPP + "test_a_flood_shares_the_loop",
        "few requests": HEARD,
    },
}


@cache
def _tests_of(file: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_kind_of_source_is_in_the_table() -> None:
    known = {str(table.__struct_config__.tag) for table in AnySourceSettings.__args__}
    assert {kind.split()[0] for kind in TABLE} == known


@pytest.mark.parametrize("kind", TABLE)
def test_each_fault_is_tested_or_cannot_be(kind: str) -> None:
    assert tuple(TABLE[kind]) == FAULTS
    for fault, field in TABLE[kind].items():
        file, separator, name = field.partition("::")
        if separator:
            assert name in _tests_of(file), f"{kind}, {fault}: there is no {field}"
        else:
            assert len(field.split()) >= 4, f"{kind}, {fault}: a reason is a sentence"
