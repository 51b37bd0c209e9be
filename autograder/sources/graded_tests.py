"""The graded tests of an exercise, read without running them."""

import ast
import threading
from collections.abc import Iterator
from pathlib import Path

from .layout import fault, short

__all__ = ["read_tests"]
# Two threads that parse at once can end in a SystemError: older CPythons (3.11.7 is one) count depth in one place.
_PARSING = threading.Lock()


def read_tests(path: Path) -> Iterator[tuple[str, str, int]]:
    """Name, grade id and line of each test in a file, read without importing it; nothing without a file."""
    if not path.is_file():
        return
    try:
        with _PARSING:
            tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        fault(f"{short(path)}, line {error.lineno}", "Python", f"'{error.msg}'", "fix it")
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
            continue
        ids = [
            call.args[0].value
            for call in node.decorator_list
            if isinstance(call, ast.Call)
            and ast.unparse(call.func).split(".")[-1] == "grade"
            and call.args
            and isinstance(call.args[0], ast.Constant)
        ]
        if len(ids) != 1 or not isinstance(ids[0], str):
            where, got = f"{short(path)}, line {node.lineno} ({node.name})", f"{len(ids)} of them"
            fault(where, '@grade("grade_id") with a literal id', got, "a test counts for one cell")
        yield node.name, ids[0], node.lineno
