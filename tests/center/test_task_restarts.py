"""This file checks that a task of the center that breaks is seen on the metrics page."""

from prometheus_client import CollectorRegistry, generate_latest

from isolane.center.task_restarts import TaskRestarts
from isolane.core.supervisor import Restarts


def test_each_task_has_its_count_from_the_start_on() -> None:
    registry = CollectorRegistry()
    registry.register(TaskRestarts(Restarts({"commit": 0, "mqtt": 3})))
    page = generate_latest(registry).decode()
    assert 'isolane_center_task_restarts_total{task="commit"} 0.0' in page
    assert 'isolane_center_task_restarts_total{task="mqtt"} 3.0' in page
