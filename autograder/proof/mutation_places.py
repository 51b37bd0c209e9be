"""Where in a module's text an edit can be made, and what it looks like."""

from __future__ import annotations

import ast
import bisect
import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Edit", "Places", "Site", "one_line"]

_ATOMS = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant, ast.List, ast.Dict, ast.ListComp)


@dataclass(frozen=True)
class Edit:
    start: int
    end: int
    text: bytes


@dataclass(frozen=True)
class Site:
    """A possible mutant, before its text is known to be valid and new."""

    function: str
    operator: str
    statement: tuple[int, int]
    edits: tuple[Edit, ...]
    shown: tuple[str, str] | None = None


def one_line(text: bytes) -> str:
    return " ".join(text.decode().split())


class Places:
    """The text of a module, and the sites found so far in the function and the statement that are looked at."""

    def __init__(self, source: bytes, spans: list[tuple[int, int]] | None) -> None:
        self.sites: list[Site] = []
        self._source = source
        self._starts = [0, *(match.end() for match in re.finditer(rb"\n", source))]
        self._spans = spans
        self._names: list[str] = []
        self._functions = 0
        self._span = (0, 0)

    def _range(self, node: ast.expr | ast.stmt | ast.keyword) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None
        start = self._starts[node.lineno - 1] + node.col_offset
        return start, self._starts[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node: ast.expr | ast.stmt | ast.keyword) -> bytes:
        start, end = self._range(node)
        return self._source[start:end]

    def _inside(self, start: int, end: int) -> bool:
        if self._spans is None:
            return self._functions > 0
        first = bisect.bisect_right(self._starts, start)
        last = bisect.bisect_right(self._starts, end)
        return any(begin < first and last < stop for begin, stop in self._spans)

    def _add(self, operator: str, *edits: tuple[int, int, bytes], shown: tuple[str, str] | None = None) -> None:
        if all(self._inside(start, end) for start, end, _ in edits):
            function = ".".join(self._names) or "<module>"
            own = tuple(Edit(*edit) for edit in edits)
            self.sites.append(Site(function, operator, self._span, own, shown))

    def _replace(self, operator: str, node: ast.expr, text: bytes) -> None:
        self._add(operator, (*self._range(node), text))

    def _group(self, node: ast.expr) -> bytes:
        """The text of an expression, in brackets where its new neighbours could part it."""
        text = self._text(node)
        return text if isinstance(node, _ATOMS) and b"\n" not in text else b"(" + text + b")"

    def _operator(self, operator: str, left: ast.expr, right: ast.expr, symbol: str, others: Iterable[str]) -> None:
        """Replaces the symbol between two operands, where brackets and comments may stand, too."""
        start, end = self._range(left)[1], self._range(right)[0]
        gap = re.sub(rb"#[^\n]*", lambda match: b" " * len(match[0]), self._source[start:end])
        pattern = rb"\s+".join(re.escape(word.encode()) for word in symbol.split())
        match = re.search(pattern, gap)
        if match is None:
            return
        for other in others:
            self._add(operator, (start + match.start(), start + match.end(), other.encode()))

    def _drop(self, operator: str, node: ast.keyword | ast.expr) -> None:
        start, end = self._range(node)
        after = re.match(rb"\s*,[ \t]*", self._source[end:])
        before = re.search(rb",\s*$", self._source[:start])
        if after is not None:
            end += after.end()
        elif before is not None:
            start = before.start()
        self._add(operator, (start, end, b""))
