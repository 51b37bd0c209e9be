"""What a module uses that the oldest Python of this course, and so perhaps the grader's, does not know.

It sees syntax, f-strings that older versions cannot read, and new modules and functions of the standard library that
are imported or used by their module's name. It does not see new methods (such as `Path.walk`) and new arguments.
"""

import ast
import io
import sys
import tokenize
from collections.abc import Iterator

__all__ = ["MINIMUM", "too_new"]

# As pyproject.toml has it in `requires-python`.
MINIMUM = (3, 11)

# Modules and their names that came later, with the minor version of Python 3.
_MODULES = {"annotationlib": 14, "compression": 14, "concurrent.interpreters": 14, "dbm.sqlite3": 13}
_MODULES |= {"pathlib.types": 14, "string.templatelib": 14}
_NAMES = {
    "array": {"ArrayType": 13},
    "asyncio": {"EventLoop": 13, "QueueShutDown": 13, "eager_task_factory": 12},
    "calendar": {"Day": 12, "Month": 12},
    "collections.abc": {"Buffer": 12},
    "concurrent.futures": {"InterpreterPoolExecutor": 14},
    "copy": {"replace": 13},
    "functools": {"Placeholder": 14},
    "inspect": {"BufferFlags": 12, "markcoroutinefunction": 12},
    "itertools": {"batched": 12},
    "math": {"fma": 13, "sumprod": 12},
    "os": {"process_cpu_count": 13},
    "os.path": {"isreserved": 13, "splitroot": 12},
    "pathlib": {"UnsupportedOperation": 13},
    "queue": {"ShutDown": 13},
    "random": {"binomialvariate": 12},
    "statistics": {"kde": 13, "kde_random": 13},
    "types": {"CapsuleType": 13, "get_original_bases": 12},
    "typing": {
        "NoDefault": 13,
        "ReadOnly": 13,
        "TypeAliasType": 12,
        "TypeIs": 13,
        "evaluate_forward_ref": 14,
        "get_protocol_members": 13,
        "is_protocol": 13,
        "override": 12,
    },
    "uuid": {"uuid6": 14, "uuid7": 14, "uuid8": 14},
    "warnings": {"deprecated": 13},
}


def too_new(data: bytes, minimum: tuple[int, int] = MINIMUM) -> list[tuple[int, str]]:
    """Line and reason of each thing in a module that Python `minimum` does not know, by line.

    Nothing where the running Python is no newer, or cannot read the module: it says so itself.
    """
    if sys.version_info[:2] <= minimum:
        return []
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found = [*_syntax(data, minimum), *_library(tree, minimum)]
    if minimum < (3, 12):
        found += _f_strings(data)
    return sorted(set(found))


def _syntax(data: bytes, minimum: tuple[int, int]) -> Iterator[tuple[int, str]]:
    try:
        ast.parse(data, feature_version=minimum)
    except SyntaxError as error:
        yield error.lineno or 0, error.msg


def _library(tree: ast.Module, minimum: tuple[int, int]) -> Iterator[tuple[int, str]]:
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                modules[alias.asname or alias.name] = alias.name
                yield from _since(node.lineno, alias.name, "", minimum)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield from _since(node.lineno, node.module, alias.name, minimum)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            base = ast.unparse(node.value)
            if base in modules:
                yield from _since(node.lineno, modules[base], node.attr, minimum)


def _since(line: int, module: str, name: str, minimum: tuple[int, int]) -> Iterator[tuple[int, str]]:
    for what in (module, f"{module}.{name}"):
        if (version := _MODULES.get(what, 0)) > minimum[1]:
            yield line, f"{what} came with Python 3.{version}"
    if (version := _NAMES.get(module, {}).get(name, 0)) > minimum[1]:
        yield line, f"{module}.{name} came with Python 3.{version}"


def _f_strings(data: bytes) -> Iterator[tuple[int, str]]:
    """Places inside the braces of f-strings that Python before 3.12 cannot read."""
    start, end = (getattr(tokenize, name, -1) for name in ("FSTRING_START", "FSTRING_END"))
    middle = getattr(tokenize, "FSTRING_MIDDLE", -1)
    quotes: list[str] = []
    try:
        for token in tokenize.tokenize(io.BytesIO(data).readline):
            if token.type == end:
                quotes.pop()
            # The text of the innermost f-string is its own; all else stands within the braces of one.
            around = quotes[:-1] if token.type == middle else quotes
            if around and token.type != end and any(quote in token.string for quote in around):
                yield token.start[0], "the quotes of an f-string inside its braces came with Python 3.12"
            elif around and "\\" in token.string:
                yield token.start[0], "a backslash inside the braces of an f-string came with Python 3.12"
            elif around and token.type == tokenize.COMMENT:
                yield token.start[0], "a comment inside the braces of an f-string came with Python 3.12"
            elif around and token.type == tokenize.NL and len(around[-1]) == 1:
                yield token.start[0], "a line break inside the braces of such an f-string came with Python 3.12"
            if token.type == start:
                quotes.append(token.string.lstrip("rRfFbBtTuU"))
    except (tokenize.TokenError, SyntaxError, IndexError):
        return
