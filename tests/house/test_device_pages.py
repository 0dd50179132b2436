"""This file makes the pages about devices fail when they go stale: they tell what the templates say."""

from support.device_pages import OVERVIEW, REGISTERS, render_overview, render_registers


def test_the_table_of_templates_is_the_templates() -> None:
    assert OVERVIEW.read_text(encoding="utf-8") == render_overview(), "run `make docs`"


def test_the_page_of_registers_is_the_templates() -> None:
    assert REGISTERS.read_text(encoding="utf-8") == render_registers(), "run `make docs`"
