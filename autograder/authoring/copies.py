"""Does a function that students get do what they are to write, word for word but for its names?

Functions are compared by what is left of their bodies without docstrings, annotations and names of their own.
"""

import ast
import copy
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from ..sources.layout import course_ids, fault, notebook_sources, short, solution_sources
from ..sources.solved import Function, is_silent, says_little, solved_functions

__all__ = ["find_copies"]


def find_copies(files: Mapping[str, bytes], course: Path, opened: Collection[str] = ()) -> list[str]:
    """Functions in `files` that have the body of an answer, a line each; `opened` exercises may show solutions."""
    answers: dict[str, str] = {}
    outlines: set[str] = set()
    shown: set[str] = set()
    for exercise in course_ids(course):
        for path in (*notebook_sources(exercise, course), *solution_sources(exercise, course)):
            for body in _answers(path.read_text(encoding="utf-8"), short(path)):
                if exercise in opened:
                    shown.add(body.shape)
                else:
                    answers.setdefault(body.shape, f"{body.name} of {exercise}/{path.name}")
                    outlines.add(body.outline)
    answers = {shape: where for shape, where in answers.items() if shape not in shown}
    return [
        f"{file}, line {body.line}: {body.name} is {answers[body.shape]}, which students write, under other names"
        for file, content in sorted(files.items())
        for body in _given(file, content)
        if body.outline in outlines and body.shape in answers
    ]


@dataclass(frozen=True, eq=False)
class _Body:
    """What a function does: statements that say something, and how to read the names in them."""

    name: str
    line: int
    statements: tuple[ast.stmt, ...]
    own: frozenset[str]
    imported: Mapping[str, str]

    @cached_property
    def outline(self) -> str:
        """The kinds of its statements: what is cheap to compare."""
        return " ".join(type(each).__name__.removeprefix("Ann") for each in self.statements)

    @cached_property
    def shape(self) -> str:
        """A text that bodies have in common which differ in names only; empty where one says too little."""
        renaming = _Renaming(self.own, self.imported)
        plain = [renaming.visit(each) for each in copy.deepcopy(self.statements)]
        return "" if says_little(plain) else "\n".join(map(ast.dump, plain))


def _body(
    function: Function | ast.Lambda, statements: Iterable[ast.stmt], name: str, imported: Mapping[str, str]
) -> _Body:
    said = tuple(each for each in statements if not is_silent(each))
    return _Body(name, function.lineno, said, frozenset(_own_names(function)), imported)


@lru_cache(maxsize=256)
def _answers(text: str, where: str) -> tuple[_Body, ...]:
    """The bodies, and the blocks between markers in them, that students write."""
    try:
        functions, imported = solved_functions(text), _imported(ast.parse(text))
    except SyntaxError as error:
        fault(f"{where}, line {error.lineno}", "Python", f"'{error.msg}'", "fix it")
    found = [
        _body(function.node, statements, function.name, imported)
        for function in functions
        for statements in (function.node.body, *function.regions)
    ]
    return tuple(body for body in found if body.statements and body.shape)


@lru_cache(maxsize=1024)
def _given(file: str, content: bytes) -> tuple[_Body, ...]:
    """The bodies of all functions in a module or notebook, at any level."""
    if not file.endswith((".py", ".ipynb")):
        return ()
    text = content.decode("utf-8", "replace")
    tree = _parsed(_code_of(text) if file.endswith(".ipynb") else text)
    imported = _imported(tree)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, Function):
            found.append(_body(node, node.body, node.name, imported))
        elif isinstance(node, ast.Lambda):
            found.append(_body(node, [ast.Return(node.body)], "a lambda", imported))
    return tuple(found)


def _code_of(notebook: str) -> str:
    """The code cells of a notebook as one text, without IPython's own lines."""
    cells = json.loads(notebook).get("cells", [])
    sources = ["".join(cell["source"]) for cell in cells if cell.get("cell_type") == "code"]
    plain = [
        "\n".join(line for line in source.splitlines() if line.lstrip()[:1] not in ("%", "!")) for source in sources
    ]
    return "\n".join(source for source in plain if _parsed(source).body)


def _parsed(text: str) -> ast.Module:
    """The text's tree, an empty one where it is no Python: then there is no function that could be called."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _own_names(function: Function | ast.Lambda) -> set[str]:
    """Names of a function's arguments and of what it assigns; its own name, too."""
    own = {function.name} if isinstance(function, Function) else set()
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            own.add(node.arg)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            own.add(node.id)
        elif isinstance(node, Function | ast.ClassDef) or (
            isinstance(node, ast.ExceptHandler | ast.MatchAs) and node.name
        ):
            own.add(str(node.name))
    return own


def _imported(tree: ast.AST) -> dict[str, str]:
    """What imported names stand for, wherever in the tree: `np` for numpy, `F` for torch.nn.functional."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level or module.startswith("exercise_code"):
                # The same module has other names from a notebook and from beside it.
                module = module.rpartition(".")[2]
            names |= {alias.asname or alias.name: f"{module}.{alias.name}".lstrip(".") for alias in node.names}
    return names


class _Renaming(ast.NodeTransformer):
    """Own names become numbers in the order in which they appear, imported ones what they stand for."""

    def __init__(self, own: Collection[str], imported: Mapping[str, str]) -> None:
        self.own, self.imported = own, imported
        self.numbers: dict[str, str] = {}

    def _new(self, name: str) -> str:
        return self.numbers.setdefault(name, f"_{len(self.numbers)}") if name in self.own else name

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self.own and node.id in self.imported:
            first, *rest = self.imported[node.id].split(".")
            whole: ast.expr = ast.Name(first, ast.Load())
            for name in rest:
                whole = ast.Attribute(whole, name, ast.Load())
            return whole
        node.id = self._new(node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(self._new(node.arg))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return ast.Pass()
        return self.generic_visit(ast.Assign([node.target], node.value))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name, node.returns = self._new(node.name), None
        node.body = [each for each in node.body if not is_silent(each)] or [ast.Pass()]
        return self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        node.name = self._new(node.name) if node.name else None
        return self.generic_visit(node)
