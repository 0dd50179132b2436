"""This file keeps files and functions short; a long one is a design question, not a formatting one."""

import ast
import statistics

from support.tree import sources

FILE_LINES_MAX, FILE_LINES_P90, FILE_LINES_MEDIAN = 500, 350, 150
FUNCTION_LINES_MAX, FUNCTION_LINES_P90 = 60, 30
CORE_LINES_MAX = 1000


def _p90(numbers: list[int]) -> float:
    return statistics.quantiles(numbers, n=10)[-1]


def test_files_are_short() -> None:
    lines = {source.name: source.text.count("\n") for source in sources() if not source.name.endswith("__init__.py")}
    long = {name: count for name, count in lines.items() if count > FILE_LINES_MAX}
    assert not long, f"over {FILE_LINES_MAX} lines: {long}"
    assert statistics.median(lines.values()) <= FILE_LINES_MEDIAN
    assert _p90(list(lines.values())) <= FILE_LINES_P90


def _code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines without its docstring: what is said about it is free."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - (body[0].lineno if body else function.lineno) + 1


def test_functions_are_short() -> None:
    lines = {
        f"{source.name}:{node.lineno} {node.name}": _code_lines(node)
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    long = {name: count for name, count in lines.items() if count > FUNCTION_LINES_MAX}
    assert not long, f"over {FUNCTION_LINES_MAX} lines: {long}"
    assert _p90(list(lines.values())) <= FUNCTION_LINES_P90


def test_the_shared_words_stay_few() -> None:
    core = sum(source.text.count("\n") for source in sources() if source.name.startswith("src/isolane/core/"))
    assert core <= CORE_LINES_MAX
