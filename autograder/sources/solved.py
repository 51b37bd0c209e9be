"""The functions of a solved source that students write: which, for which tasks, and what stands between the markers."""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .cells import BEGIN_SOLUTION, END_SOLUTION

__all__ = ["Function", "SolvedFunction", "is_silent", "says_little", "solved_functions"]

# A body of one statement with fewer nodes says too little to be an answer. Of the 69,708 functions in numpy, scipy,
# scikit-learn, torchvision, matplotlib, tqdm, IPython and parts of torch and pandas, some have a body of ours by chance
# up to 6 nodes (`return len(self.paths)`), none with 7, and one with 8: that is the mean squared error, and no chance.
FEWEST_NODES = 8
_NO_NODES = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)
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


def is_silent(node: ast.stmt) -> bool:
    """Docstrings, `pass` and `...`, annotations without a value."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Pass) or (isinstance(node, ast.AnnAssign) and node.value is None)


def says_little(body: Iterable[ast.stmt]) -> bool:
    """True for a body that could stand in any function: nothing, or one statement of a few nodes."""
    said = [node for node in body if not is_silent(node)]
    nodes = sum(not isinstance(each, _NO_NODES) for node in said for each in ast.walk(node))
    return not said or (len(said) == 1 and nodes < FEWEST_NODES)


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
