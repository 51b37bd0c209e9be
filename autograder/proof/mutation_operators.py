"""The small bugs: where in a syntax tree each of them can be."""

from __future__ import annotations

import ast

from ..base.errors import AutograderError
from .mutation_places import Places, one_line

__all__ = ["Finder"]

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


class Finder(Places, ast.NodeVisitor):
    """Collects the sites of a module; `visit` walks the tree, `_statement` knows where an edit happens."""

    def __init__(self, source: bytes, spans: list[tuple[int, int]] | None) -> None:
        super().__init__(source, spans)
        self._last = False
        self._modules: set[str] = set()

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
        before = one_line(first_line) + (" ..." if more else "")
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


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and _is_text(node.value)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
