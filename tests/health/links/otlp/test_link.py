"""This file tests what an OTLP receiver may answer; it guards that what it rejects is counted."""

from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

from isolane.health.links.counts import LinkCounts
from isolane.health.links.otlp.settings import OtlpSettings
from support.broker import Pki
from support.http_target import HttpTarget, Posted, Reply
from support.receivers import OtlpReceiver
from support.shipping import ship
from support.target_rows import SCHEMA, rows_draft

PROTOBUF = (("content-type", "application/x-protobuf"),)


async def delivered(
    pki: Pki, folder: Path, target: HttpTarget, *, metrics: bool = True, logs: bool = True
) -> LinkCounts:
    await target.start()
    table = OtlpSettings(
        url=f"https://localhost:{target.port}/",
        ca=pki.ca,
        certificate=pki.gateway.certificate,
        key=pki.gateway.key,
        reconnect_s_max=0.1,
        metrics=metrics,
        logs=logs,
    )
    try:
        return await ship(table, [rows_draft(0), rows_draft(1)], SCHEMA, folder)
    finally:
        await target.stop()


async def test_samples_and_facts_arrive_value_for_value(pki: Pki, tmp_path: Path) -> None:
    receiver = OtlpReceiver()
    counts = await delivered(pki, tmp_path, HttpTarget(pki, receiver.take))
    assert [point.as_double for _, name, _, point in receiver.metrics if name == "isolane.ac_voltage"] == [
        n / 10 for n in range(10)
    ]
    assert counts.samples == 40
    names = [record.event_name for _, record in receiver.logs]
    assert names.count("isolane.state") == 10
    assert "isolane.ledger" in names


@pytest.mark.parametrize(("metrics", "logs"), [(True, False), (False, True)])
async def test_each_kind_can_be_left_out(pki: Pki, tmp_path: Path, *, metrics: bool, logs: bool) -> None:
    receiver = OtlpReceiver()
    await delivered(pki, tmp_path, HttpTarget(pki, receiver.take), metrics=metrics, logs=logs)
    assert bool(receiver.metrics) is metrics
    assert bool(receiver.logs) is logs


async def test_rejected_points_are_counted(pki: Pki, tmp_path: Path) -> None:
    answer = ExportMetricsServiceResponse()
    answer.partial_success.rejected_data_points = 3
    target = HttpTarget(pki, lambda _: Reply(200, answer.SerializeToString(), PROTOBUF))
    counts = await delivered(pki, tmp_path, target, logs=False)
    assert counts.rejected == 6


@pytest.mark.parametrize(
    "reply", [Reply(200, b"{}", (("content-type", "application/json"),)), Reply(200, b"\xff", PROTOBUF)]
)
async def test_an_answer_that_is_not_otlp_is_no_success(pki: Pki, tmp_path: Path, reply: Reply) -> None:
    receiver = OtlpReceiver()
    odd = [reply, reply]

    def take(request: Posted) -> Reply:
        return odd.pop() if odd else receiver.take(request)

    counts = await delivered(pki, tmp_path, HttpTarget(pki, take), logs=False)
    assert counts.garbage == 2
    assert receiver.numbers == list(range(10))
