"""The functions of a solved source that students write: which, for which tasks, and what stands between the markers."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .cells import BEGIN_SOLUTION, END_SOLUTION

__all__ = ["Function", "SolvedFunction", "solved_functions"]

_TASK = re.compile(r"### TASK (\S+)")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class SolvedFunction:
    """A function, or a method such as `Model.forward`, that students write, whole or in part.

    `tasks` are the grade ids that `### TASK` lines name; `regions` the statements of each block between markers.
    """

    name: str
    node: Function
    tasks: tuple[str, ...]
    regions: tuple[tuple[ast.stmt, ...], ...]


@dataclass(frozen=True)
class _Span:
    """The lines of two markers, and the task that a line above them names."""

    begin: int
    end: int
    task: str


def solved_functions(text: str) -> list[SolvedFunction]:
    """The functions with a block between solution markers, and those inside of one; `text` is valid Python."""
    spans = list(_spans(text))
    return list(_functions(ast.parse(text), spans, ""))


def _spans(text: str) -> Iterator[_Span]:
    begin, task, above = 0, "", ""
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.strip()
        if bare == BEGIN_SOLUTION:
            match = _TASK.fullmatch(above)
            begin, task = number, match[1] if match else ""
        elif bare == END_SOLUTION:
            yield _Span(begin, number, task)
        above = bare


def _functions(tree: ast.AST, spans: Sequence[_Span], prefix: str) -> Iterator[SolvedFunction]:
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, Function):
            yield from _functions(node, spans, f"{prefix}{node.name}." if isinstance(node, ast.ClassDef) else prefix)
            continue
        last = node.end_lineno or node.lineno
        around = [span for span in spans if span.begin < node.lineno and last < span.end]
        within = [span for span in spans if node.lineno < span.begin <= last]
        if around or within:
            tasks = dict.fromkeys(span.task for span in (*around, *within) if span.task)
            regions = tuple(tuple(_statements(node, span)) for span in within)
            yield SolvedFunction(prefix + node.name, node, tuple(tasks), regions)


def _statements(tree: ast.AST, span: _Span) -> Iterator[ast.stmt]:
    """The outermost statements within a span."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.stmt) and span.begin < node.lineno and (node.end_lineno or node.lineno) < span.end:
            yield node
        else:
            yield from _statements(node, span)
