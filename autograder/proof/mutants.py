"""Mutants of an exercise's solution: small, deliberate bugs that good tests must notice.

Every mutant is one edit of the original text, placed by the syntax tree's offsets, so its diff is as small as
the bug. Only code between the solution markers is touched (whole functions where a module has no markers).
"""

from __future__ import annotations

import ast
import bisect
import difflib
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from autograder.base.errors import AutograderError
from autograder.base.validation import in_words

__all__ = ["Equivalent", "Mutant", "Pool", "load_equivalents", "mutants_of_folder", "mutants_of_text", "pool"]

_BEGIN = re.compile(rb"^\s*### BEGIN SOLUTION\s*$")
_END = re.compile(rb"^\s*### END SOLUTION\s*$")

_BINARY = {
    ast.Add: ("+", ["-"]), ast.Sub: ("-", ["+"]), ast.Mult: ("*", ["/"]), ast.Div: ("/", ["*"]),
    ast.FloorDiv: ("//", ["/"]), ast.Mod: ("%", ["//"]), ast.Pow: ("**", ["*"]), ast.MatMult: ("@", ["*"]),
    ast.LShift: ("<<", [">>"]), ast.RShift: (">>", ["<<"]), ast.BitAnd: ("&", ["|"]),
    ast.BitOr: ("|", ["&"]), ast.BitXor: ("^", ["&"]),
}  # fmt: skip

# The boundary moves by one, and the whole comparison turns round.
_COMPARE = {
    ast.Lt: ("<", ["<=", ">="]), ast.LtE: ("<=", ["<", ">"]), ast.Gt: (">", [">=", "<="]),
    ast.GtE: (">=", [">", "<"]), ast.Eq: ("==", ["!="]), ast.NotEq: ("!=", ["=="]),
    ast.Is: ("is", ["is not"]), ast.IsNot: ("is not", ["is"]), ast.In: ("in", ["not in"]),
    ast.NotIn: ("not in", ["in"]),
}  # fmt: skip

# Taking these off their argument always ends in a TypeError, which proves nothing about a test.
_NOT_UNWRAPPED = frozenset({"len", "range", "enumerate", "isinstance", "super", "print", "type", "iter", "zip", "open"})
_COMMUTATIVE = frozenset({"min", "max", "minimum", "maximum", "add", "multiply", "allclose", "array_equal"})
_SWAP_SAYS_NOTHING = frozenset({"isinstance", "getattr", "hasattr", "issubclass", "setattr"})
_DROPPED_ATTRIBUTES = frozenset({"T", "mT", "H"})
# Only these are surely numbers where they index something; other names may be keys.
_INDEX_NAMES = frozenset({"i", "j", "k", "t", "index", "idx", "position", "row", "column"})
_ATOMS = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant, ast.List, ast.Dict, ast.ListComp)


@dataclass(frozen=True)
class Mutant:
    """One bug: the whole mutated text of a module, and how to name it.

    `id` is `file:function:operator:ordinal`; it does not depend on line numbers. `change` is the statement
    before and after, on one line.
    """

    id: str
    file: str
    function: str
    operator: str
    line: int
    before: str
    after: str
    original: str
    source: str

    @property
    def change(self) -> str:
        return f"{self.before} -> {self.after}"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}  {self.change}"

    def diff(self, context: int = 2) -> str:
        """The unified diff against the original module."""
        lines = difflib.unified_diff(
            self.original.splitlines(), self.source.splitlines(), self.file, self.file, n=context, lineterm=""
        )
        return "\n".join(lines)


class Equivalent(BaseModel):
    """A mutant that behaves as the original does, and why; `mutant` repeats its change as a check."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    id: str
    mutant: str
    reason: str


@dataclass(frozen=True)
class Pool:
    """An exercise's mutants: those that must lose points, and the listed equivalents."""

    mutants: tuple[Mutant, ...]
    equivalents: tuple[tuple[Mutant, str], ...]


@dataclass(frozen=True)
class _Edit:
    start: int
    end: int
    text: bytes


@dataclass(frozen=True)
class _Site:
    """A possible mutant, before its text is known to be valid and new."""

    function: str
    operator: str
    statement: tuple[int, int]
    edits: tuple[_Edit, ...]
    shown: tuple[str, str] | None = None


def pool(folder: Path, equivalents: Path) -> Pool:
    """The mutants of all modules in a folder, parted by the equivalents file (which may be missing)."""
    mutants = mutants_of_folder(folder)
    listed = load_equivalents(equivalents)
    by_id = {mutant.id: mutant for mutant in mutants}
    for entry in listed.values():
        mutant = by_id.get(entry.id)
        if mutant is None:
            raise AutograderError(
                f"{equivalents}: expected the id of a mutant, got {entry.id!r}, which no mutant has: "
                f"the solution changed, so remove the entry or give the new id{_same_change(entry, mutants)}"
            )
        if mutant.change != entry.mutant:
            raise AutograderError(
                f"{equivalents}: entry {entry.id!r} expected the change {entry.mutant!r}, the mutant now is "
                f"{mutant.change!r}: check that it still is equivalent, then update the entry"
                f"{_same_change(entry, mutants)}"
            )
    return Pool(
        tuple(mutant for mutant in mutants if mutant.id not in listed),
        tuple((mutant, listed[mutant.id].reason) for mutant in mutants if mutant.id in listed),
    )


def load_equivalents(path: Path) -> dict[str, Equivalent]:
    """The entries of an `equivalent.toml` by mutant id; empty where there is no such file."""
    if not path.exists():
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AutograderError(f"{path}: expected a TOML file, got {error}: mend the file") from error
    unknown = sorted(set(table) - {"equivalent"})
    entries = table.get("equivalent", [])
    if unknown or not isinstance(entries, list):
        raise AutograderError(f"{path}: expected only [[equivalent]] entries, got {unknown or 'one table'}: remove it")
    found: dict[str, Equivalent] = {}
    for number, entry in enumerate(entries, start=1):
        try:
            equivalent = Equivalent.model_validate(entry)
        except ValidationError as error:
            raise AutograderError(f"{path}: entry {number}: {in_words(error, Equivalent)}") from error
        if len(equivalent.reason.split()) < 3:
            raise AutograderError(
                f"{path}: entry {equivalent.id!r}: expected a reason in words, got {equivalent.reason!r}"
            )
        if equivalent.id in found:
            raise AutograderError(f"{path}: expected every id once, got {equivalent.id!r} twice: remove one")
        found[equivalent.id] = equivalent
    return found


def mutants_of_folder(folder: Path) -> list[Mutant]:
    """The mutants of every module in a solution folder, in the order of file name and position."""
    if not folder.is_dir():
        raise AutograderError(f"expected a folder of solution modules, got {folder}: there is no such folder")
    return [
        mutant
        for path in sorted(folder.rglob("*.py"))
        for mutant in mutants_of_text(path.read_text(encoding="utf-8"), path.relative_to(folder).as_posix())
    ]


def mutants_of_text(text: str, file: str) -> list[Mutant]:
    """The mutants of one module: valid, all different, always in the same order."""
    source = text.encode()
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise AutograderError(
            f"{file}:{error.lineno}: expected Python code, got {error.msg}: mend the module"
        ) from error
    finder = _Finder(source, _solution_lines(source, file))
    finder.visit(tree)
    seen: dict[tuple[int, int], set[str | None]] = {}
    ordinals: dict[tuple[str, str], int] = defaultdict(int)
    found = []
    # Python's sort is stable: sites at one place keep the order in which the finder makes them.
    for site in sorted(finder.sites, key=lambda site: site.edits[0].start):
        # Edits of different statements always differ, so one statement is all that need be parsed.
        if site.shown is None:
            shapes = seen.setdefault(site.statement, {_shape(source[slice(*site.statement)])})
            shape = _shape(_within(source, site.statement, site.edits))
            if shape is None or shape in shapes:
                continue
            shapes.add(shape)
        ordinals[site.function, site.operator] += 1
        before, after = site.shown or _shown(source, site)
        found.append(
            Mutant(
                id=f"{file}:{site.function}:{site.operator}:{ordinals[site.function, site.operator]}",
                file=file,
                function=site.function,
                operator=site.operator,
                line=source.count(b"\n", 0, site.edits[0].start) + 1,
                before=before,
                after=after,
                original=text,
                source=_apply(source, site.edits).decode(),
            )
        )
    return found


def _same_change(entry: Equivalent, mutants: Iterable[Mutant]) -> str:
    others = [mutant.id for mutant in mutants if mutant.change == entry.mutant]
    return f" (the same change now is {', '.join(others)})" if others else ""


def _apply(source: bytes, edits: Sequence[_Edit]) -> bytes:
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        source = source[: edit.start] + edit.text + source[edit.end :]
    return source


def _shown(source: bytes, site: _Site) -> tuple[str, str]:
    """The touched lines before and after: of a statement over ten lines, one says enough."""
    first, last = min(edit.start for edit in site.edits), max(edit.end for edit in site.edits)
    end = source.find(b"\n", last)
    span = source.rfind(b"\n", 0, first) + 1, end if end >= 0 else len(source)
    return _one_line(source[slice(*span)]), _one_line(_within(source, span, site.edits)) or "(nothing)"


def _within(source: bytes, span: tuple[int, int], edits: Sequence[_Edit]) -> bytes:
    """The text of a span after the edits, which all lie in it."""
    start, end = span
    shifted = [replace(edit, start=edit.start - start, end=edit.end - start) for edit in edits]
    return _apply(source[start:end], shifted)


def _shape(statement: bytes) -> str | None:
    """What a statement means, whatever its brackets and blanks; None where it is no valid code."""
    # The header of a compound statement comes without its body, and that of an `elif` is an `if` to the tree.
    text = re.sub(rb"^elif\b", b"if", statement)
    for body in (b"", b" pass"):
        try:
            return ast.dump(ast.parse(text + body))
        except (SyntaxError, ValueError):
            continue
    return None


def _one_line(text: bytes) -> str:
    return " ".join(text.decode().split())


def _solution_lines(source: bytes, file: str) -> list[tuple[int, int]] | None:
    """The line spans between markers; None where the module has none."""
    spans: list[tuple[int, int]] = []
    begin: int | None = None
    for number, line in enumerate(source.split(b"\n"), start=1):
        if _BEGIN.match(line):
            if begin is not None:
                raise AutograderError(f"{file}:{number}: expected ### END SOLUTION before another ### BEGIN SOLUTION")
            begin = number
        elif _END.match(line):
            if begin is None:
                raise AutograderError(f"{file}:{number}: expected ### BEGIN SOLUTION before ### END SOLUTION")
            spans.append((begin, number))
            begin = None
    if begin is not None:
        raise AutograderError(f"{file}:{begin}: expected ### END SOLUTION after this ### BEGIN SOLUTION")
    return spans or None


class _Finder(ast.NodeVisitor):
    """Collects the sites of a module; `visit` walks the tree, `_statement` knows where an edit happens."""

    def __init__(self, source: bytes, spans: list[tuple[int, int]] | None) -> None:
        self.sites: list[_Site] = []
        self._source = source
        self._starts = [0, *(match.end() for match in re.finditer(rb"\n", source))]
        self._spans = spans
        self._names: list[str] = []
        self._functions = 0
        self._last = False
        self._modules: set[str] = set()
        self._span = (0, 0)

    # Places in the text

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
            own = tuple(_Edit(*edit) for edit in edits)
            self.sites.append(_Site(function, operator, self._span, own, shown))

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

    # Statements

    def visit_Import(self, node: ast.Import) -> None:
        self._modules.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self._modules.update(alias.asname or alias.name for alias in node.names if alias.name[:1].islower())

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._names.append(node.name)
        self._body(node.body, last_falls_off=False)
        self._names.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._names.append(node.name)
        self._span = (self._range(node)[0], self._range(node.body[0])[0])
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                self.visit(default)
        self._functions += 1
        self._body(node.body, last_falls_off=True)
        self._functions -= 1
        self._names.pop()

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        raise AutograderError(f"line {node.lineno}: expected no async function in a solution, got {node.name}")

    def visit_Module(self, node: ast.Module) -> None:
        self._body(node.body, last_falls_off=False)

    def _body(self, body: list[ast.stmt], *, last_falls_off: bool) -> None:
        for position, statement in enumerate(body):
            if position == 0 and _is_docstring(statement):
                continue
            last = last_falls_off and position == len(body) - 1
            outer, self._span = self._span, self._header(statement)
            self._delete(statement, last=last)
            self._last = last
            self.visit(statement)
            self._span = outer

    def _header(self, statement: ast.stmt) -> tuple[int, int]:
        start, end = self._range(statement)
        body = getattr(statement, "body", None)
        return (start, self._range(body[0])[0]) if body else (start, end)

    def _delete(self, statement: ast.stmt, *, last: bool) -> None:
        match statement:
            case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.ClassDef() | ast.Pass():
                return
            case ast.Global() | ast.Nonlocal() | ast.AnnAssign(value=None):
                return
            case ast.Expr(value=ast.Constant()) | ast.Expr(value=ast.Call(func=ast.Name(id="print"))):
                return
            case ast.Return() if last:
                return  # falling off the end returns None, which `return None` already tries
            case ast.If(body=[_], orelse=[]) | ast.For(body=[_], orelse=[]) | ast.While(body=[_], orelse=[]):
                return  # without its only statement it does nothing, and that mutant is made below
            case _:
                pass
        first_line, *more = self._source[slice(*self._range(statement))].split(b"\n")
        before = _one_line(first_line) + (" ..." if more else "")
        self._add("delete", (*self._range(statement), b"pass"), shown=(before, "pass"))

    def visit_If(self, node: ast.If) -> None:
        last = self._last
        self._condition(node.test)
        # Without an else, "never" is what `delete` makes.
        self._force(node.test, "True", *(["False"] if node.orelse else []))
        self._body(node.body, last_falls_off=last)
        self._body(node.orelse, last_falls_off=last)

    def visit_While(self, node: ast.While) -> None:
        self._condition(node.test)
        self._body(node.body, last_falls_off=False)
        self._body(node.orelse, last_falls_off=False)

    def visit_For(self, node: ast.For) -> None:
        self.visit(node.iter)
        self._body(node.body, last_falls_off=False)
        self._body(node.orelse, last_falls_off=False)

    def visit_With(self, node: ast.With) -> None:
        start, last = self._range(node)[0], self._last
        if all(item.optional_vars is None for item in node.items):
            self._add("context", (start, self._range(node.items[-1].context_expr)[1], b"if True"))
        for item in node.items:
            self.visit(item.context_expr)
        self._body(node.body, last_falls_off=last)

    def visit_Try(self, node: ast.Try) -> None:
        self._body(node.body, last_falls_off=False)
        for handler in node.handlers:
            self._body(handler.body, last_falls_off=False)
        self._body(node.orelse, last_falls_off=False)
        self._body(node.finalbody, last_falls_off=False)

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        for case in node.cases:
            if case.guard is not None:
                self._condition(case.guard)
            self._body(case.body, last_falls_off=False)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is None or _is_none(node.value):
            return
        self._replace("return", node.value, b"None")
        self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        """Whether it is raised matters (`delete` tries that); what it says does not."""

    def visit_Assert(self, node: ast.Assert) -> None:
        self._condition(node.test)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        symbol, others = _BINARY[type(node.op)]
        changed = [*(other + "=" for other in others), "="]
        self._operator("augmented", node.target, node.value, symbol + "=", changed)
        self.visit(node.value)

    # Expressions

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Text for people; and Python 3.11 gives wrong offsets inside it."""

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.visit(node.body)

    def _condition(self, test: ast.expr) -> None:
        # A single comparison and a `not` already have a mutant that is their negation.
        single = isinstance(test, ast.Compare) and len(test.ops) == 1
        if not single and not (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)):
            self._replace("negate", test, b"not " + self._group(test))
        self.visit(test)

    def _force(self, test: ast.expr, *values: str) -> None:
        for value in values:
            self._replace("force", test, value.encode())

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._condition(node.test)
        self._force(node.test, "True", "False")
        self.visit(node.body)
        self.visit(node.orelse)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self.visit(node.iter)
        for test in node.ifs:
            self._condition(test)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        formats_text = isinstance(node.op, ast.Mod) and _is_text(node.left)
        if not formats_text:
            symbol, others = _BINARY[type(node.op)]
            self._operator("arithmetic", node.left, node.right, symbol, others)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for left, op, right in zip(operands, node.ops, operands[1:], strict=False):
            symbol, others = _COMPARE[type(op)]
            self._operator("compare", left, right, symbol, others)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        word, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._operator("boolean", left, right, word, [other])
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, (ast.USub, ast.Not)):
            self._replace("unary", node, self._group(node.operand))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self._replace("constant", node, str(not value).encode())
        elif isinstance(value, int | float):
            self._replace("constant", node, repr(value + 1).encode())

    def visit_Dict(self, node: ast.Dict) -> None:
        for key in node.keys:
            if key is not None:
                self._key(key)
        self.generic_visit(node)

    def _key(self, node: ast.expr) -> None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            self._replace("key", node, repr(node.value + "_").encode())

    def visit_Subscript(self, node: ast.Subscript) -> None:
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for part in parts:
            if isinstance(part, ast.Slice):
                self._slice(part)
            elif isinstance(part, ast.Name) and part.id in _INDEX_NAMES:
                self._bound(part)
            else:
                self._key(part)
        self.generic_visit(node)

    def _slice(self, node: ast.Slice) -> None:
        for bound in (node.lower, node.upper):
            if bound is not None:
                self._bound(bound)
        if node.step is not None:
            return
        start, end = self._range(node)
        if node.lower is None:
            self._add("bound", (start, start, b"1"))
        if node.upper is None:
            self._add("bound", (end, end, b"-1"))

    def _bound(self, node: ast.expr) -> None:
        # `constant` makes n + 1 of a literal; this makes n - 1.
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            self._replace("bound", node, repr(node.value - 1).encode())
        elif not isinstance(node, (ast.Constant, ast.UnaryOp, ast.Starred)):
            for sign in (b" + ", b" - "):
                self._replace("bound", node, self._group(node) + sign + b"1")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr in _DROPPED_ATTRIBUTES and isinstance(node.ctx, ast.Load):
            self._replace("unwrap", node, self._text(node.value))
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        # The value is thrown away: to unwrap the call is to delete the statement.
        if isinstance(node.value, ast.Call):
            self._call(node.value, used=False)
        else:
            self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        self._call(node, used=True)

    def _call(self, node: ast.Call, *, used: bool) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name == "print":
            return
        if name == "range":
            for arg in node.args:
                self._bound(arg)
            if len(node.args) == 1:
                start = self._range(node.args[0])[0]
                self._add("bound", (start, start, b"1, "))
        if name == "get" and node.args:
            self._key(node.args[0])
        if used:
            self._unwrap(node, name)
        if len(node.args) == 2 and not node.keywords and name not in _COMMUTATIVE | _SWAP_SAYS_NOTHING:
            self._swap(*node.args)
        for keyword in node.keywords:
            if keyword.arg is not None:
                self._drop("keyword", keyword)
        if name == "Sequential":
            self._elements(node.args)
        self.generic_visit(node)

    def visit_List(self, node: ast.List) -> None:
        self._elements(node.elts)
        self.generic_visit(node)

    def _elements(self, elements: list[ast.expr]) -> None:
        """Steps of a pipeline, such as layers, can be left out."""
        for element in elements:
            if isinstance(element, ast.Call) and len(elements) > 1:
                self._drop("element", element)

    def _unwrap(self, node: ast.Call, name: str) -> None:
        """`f(x)` becomes `x`, and `x.method(...)` becomes `x`."""
        inner: ast.expr | None = None
        if isinstance(node.func, ast.Attribute) and not self._is_namespace(node.func.value):
            inner = node.func.value
        elif len(node.args) == 1 and name not in _NOT_UNWRAPPED and not isinstance(node.args[0], ast.Starred):
            inner = node.args[0]
        if inner is not None:
            self._replace("unwrap", node, self._group(inner))

    def _is_namespace(self, node: ast.expr) -> bool:
        """Whether it is a module, `self`, `cls` or `super()`, which cannot stand for the call's value."""
        while isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}:
                return False
            node = node.value
        if isinstance(node, ast.Call):
            return isinstance(node.func, ast.Name) and node.func.id == "super"
        return isinstance(node, ast.Name) and node.id in self._modules | {"self", "cls"}

    def _swap(self, first: ast.expr, second: ast.expr) -> None:
        if isinstance(first, ast.Starred) or isinstance(second, ast.Starred):
            return
        one, two = self._text(first), self._text(second)
        self._add("swap", (*self._range(first), two), (*self._range(second), one))

    def _drop(self, operator: str, node: ast.keyword | ast.expr) -> None:
        start, end = self._range(node)
        after = re.match(rb"\s*,[ \t]*", self._source[end:])
        before = re.search(rb",\s*$", self._source[:start])
        if after is not None:
            end += after.end()
        elif before is not None:
            start = before.start()
        self._add(operator, (start, end, b""))


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and _is_text(node.value)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
