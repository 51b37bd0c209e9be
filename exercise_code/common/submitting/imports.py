"""Imports of a hand-in's modules that the grader cannot follow."""

import ast
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from ..checks.environment import NOT_IN_SANDBOX, SANDBOX_LIBRARIES

__all__ = ["unknown_imports"]

_FORGIVING = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


def unknown_imports(modules: Mapping[str, bytes], package: str, left_behind: Collection[str]) -> list[str]:
    """A line for each import that works at most on the student's computer.

    `modules` are the handed-in ones by file name, `package` is the exercise's importable name, and `left_behind` are
    names of modules in the student's package that are neither handed in nor given. What is imported within a `try`
    that catches the failure is left alone, and so is a file that Python cannot read.
    """
    lines: list[str] = []
    for file, data in sorted(modules.items()):
        try:
            tree = ast.parse(data)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in _imports(tree):
            for name in _names(node, package):
                if reason := _fault(name, package, left_behind, {Path(other).stem for other in modules}):
                    lines.append(f"{file}, line {node.lineno}: `{ast.unparse(node)[:100]}`: {reason}")
    return list(dict.fromkeys(lines))


def _imports(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield node
        return
    children: list[ast.AST] = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Try) and any(_forgives(handler) for handler in node.handlers):
        children = [*node.handlers, *node.orelse, *node.finalbody]
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        children = list(node.orelse)
    for child in children:
        yield from _imports(child)


def _forgives(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or any(
        isinstance(part, ast.Name) and part.id in _FORGIVING for part in ast.walk(handler.type)
    )


def _names(node: ast.Import | ast.ImportFrom, package: str) -> list[str]:
    """Full names of what may be modules."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        parents = package.split(".")
        above = ".".join(parents[: max(len(parents) - node.level + 1, 0)])
        base = f"{above}.{base}".strip(".")
    return [f"{base}.{alias.name}" for alias in node.names] if base.startswith("exercise_code") else [base]


def _fault(name: str, package: str, left_behind: Collection[str], own: Collection[str]) -> str:
    top = name.partition(".")[0]
    if top == "exercise_code":
        inner = name.removeprefix(f"{package}.").partition(".")[0] if name.startswith(f"{package}.") else ""
        return f"{inner} is not in the hand-in" if inner in left_behind else ""
    if top in own and top not in sys.stdlib_module_names:
        return f"write `from . import {top}`: the grader finds your modules in {package} only"
    if top in SANDBOX_LIBRARIES or (top in sys.stdlib_module_names and top not in NOT_IN_SANDBOX):
        return ""
    return f"the grader does not offer {top}: do without it"
