"""A solution as another person would have written it: other names, other steps, the same behaviour.

Only what stands between the solution markers changes, so that signatures and docstrings stay as they were given.
"""

import ast
import random
import re
import textwrap
from collections.abc import Callable

__all__ = ["BLOCK", "rename", "restyle", "unfinish"]

BLOCK = re.compile(
    r"^(?P<indent>[ \t]*)### BEGIN SOLUTION[ \t]*\n(?P<body>.*?)^[ \t]*### END SOLUTION[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
# What people call things.
NAMES = """a b n m k tmp temp res result out ret value values val vals data item items elem cur current new old part
parts first second total counter num arr lst my_list entries chosen x_new x_old helper the_result begin middle end left
right pos this that one other pieces chunk picks amount how_many whole rest_of_it something""".split()  # noqa: SIM905


def restyle(text: str, dice: random.Random) -> str:
    """The module with each solution in other steps and other names."""
    return _each_block(text, lambda body: _Steps(dice).visit(body), dice)


def rename(text: str, dice: random.Random) -> str:
    """The module with other local names in its solutions, step for step the same: what a copy looks like."""
    return _each_block(text, lambda body: body, dice)


def unfinish(text: str, dice: random.Random, share: float) -> str:
    """The module with this share of its solutions, at least one, put back to what a stub has there."""
    blocks = list(BLOCK.finditer(text))
    lost = set(dice.sample(range(len(blocks)), max(1, round(share * len(blocks))))) if blocks else set()
    count = -1

    def one(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        if count not in lost:
            return match[0]
        indent = match["indent"]
        return f"{indent}# YOUR CODE HERE\n{indent}raise NotImplementedError()"

    return BLOCK.sub(one, text)


def _each_block(text: str, change: Callable[[ast.FunctionDef], ast.FunctionDef], dice: random.Random) -> str:
    module = ast.parse(text)
    used = _names(module)

    def one(match: re.Match[str]) -> str:
        line = text.count("\n", 0, match.start()) + 1
        around = _enclosing(module, line)
        if around is None:
            return match[0]
        body = ast.parse("def _():\n" + textwrap.indent(textwrap.dedent(match["body"]), "    ")).body[0]
        assert isinstance(body, ast.FunctionDef)
        body = ast.fix_missing_locations(change(body))
        last = text.count("\n", 0, match.end()) + 1
        taken = {n.id for n in ast.walk(around) if isinstance(n, ast.Name) and not line <= n.lineno <= last}
        taken |= {a.arg for node in (around, body) for a in ast.walk(node) if isinstance(a, ast.arg)}
        _rename_locals(body, taken | used, taken, dice)
        written = "\n".join(ast.unparse(statement) for statement in body.body)
        indent = match["indent"]
        return f"{indent}### BEGIN SOLUTION\n{textwrap.indent(written, indent)}\n{indent}### END SOLUTION"

    return BLOCK.sub(one, text)


def _enclosing(module: ast.Module, line: int) -> ast.FunctionDef | None:
    """The innermost function around a line."""
    found = None
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and node.lineno <= line <= (node.end_lineno or node.lineno):
            found = node
    return found


def _names(tree: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}


def _rename_locals(body: ast.FunctionDef, taken: set[str], kept: set[str], dice: random.Random) -> None:
    """Give what is assigned in the block, and nowhere else, names that nothing in the module has."""
    stored = [n.id for n in ast.walk(body) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    used = taken | _names(body)
    free = [name for name in NAMES if name not in used]
    dice.shuffle(free)
    new: dict[str, str] = {}
    for name in dict.fromkeys(stored):
        # Some people like the name that was there.
        if name not in kept and free and dice.random() < 0.8:
            new[name] = free.pop()
    for node in ast.walk(body):
        if isinstance(node, ast.Name):
            node.id = new.get(node.id, node.id)


class _Steps(ast.NodeTransformer):
    """Writes one step as several, or the other way about; each place by a throw of the dice."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.count = 0

    def _coin(self) -> bool:
        return self.dice.random() < 0.5

    def _fresh(self) -> str:
        self.count += 1
        return f"step_{self.count}"

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.body = self._all(node.body)
        return node

    def _all(self, body: list[ast.stmt]) -> list[ast.stmt]:
        return [new for statement in body for new in self._one(statement)]

    def _one(self, statement: ast.stmt) -> list[ast.stmt]:
        if isinstance(statement, ast.If | ast.For | ast.While | ast.With):
            statement.body = self._all(statement.body)
            if isinstance(statement, ast.If) and statement.orelse:
                statement.orelse = self._all(statement.orelse)
                if self._coin():
                    statement.test = ast.UnaryOp(ast.Not(), statement.test)
                    statement.body, statement.orelse = statement.orelse, statement.body
            return [statement]
        value = self._value(statement)
        if value is None or not self._coin():
            return [statement]
        if isinstance(value, ast.IfExp) and not isinstance(statement, ast.Expr):
            then, other = self._with_value(statement, value.body), self._with_value(statement, value.orelse)
            return self._one(ast.If(value.test, [then], [other]))
        if isinstance(value, ast.ListComp | ast.DictComp) and self._is_simple(value):
            return self._as_loop(statement, value)
        if isinstance(statement, ast.Return) and not isinstance(value, ast.Name | ast.Constant):
            return [*self._stored(name := self._fresh(), value), ast.Return(ast.Name(name, ast.Load()))]
        return [*self._hoisted(value), statement]

    def _value(self, statement: ast.stmt) -> ast.expr | None:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Yield):
            return statement.value.value
        if isinstance(statement, ast.Return):
            return statement.value
        if isinstance(statement, ast.Assign) and all(isinstance(t, ast.Name) for t in statement.targets):
            return statement.value
        return None

    def _with_value(self, statement: ast.stmt, value: ast.expr) -> ast.stmt:
        if isinstance(statement, ast.Return):
            return ast.Return(value)
        assert isinstance(statement, ast.Assign)
        return ast.Assign(statement.targets, value)

    def _stored(self, name: str, value: ast.expr) -> list[ast.stmt]:
        return self._one(ast.Assign([ast.Name(name, ast.Store())], value))

    def _hoisted(self, value: ast.expr) -> list[ast.stmt]:
        """What is evaluated first in the value, taken out into a step of its own."""
        if isinstance(value, ast.Call) and value.args and isinstance(value.func, ast.Name):
            first = value.args[0]
            if isinstance(first, ast.Call | ast.BinOp | ast.ListComp | ast.DictComp):
                value.args[0] = ast.Name(name := self._fresh(), ast.Load())
                return self._stored(name, first)
        if isinstance(value, ast.BinOp) and isinstance(value.left, ast.Call | ast.BinOp):
            first, value.left = value.left, ast.Name(name := self._fresh(), ast.Load())
            return self._stored(name, first)
        if isinstance(value, ast.Tuple) and value.elts and isinstance(value.elts[0], ast.Call | ast.BinOp):
            first, value.elts[0] = value.elts[0], ast.Name(name := self._fresh(), ast.Load())
            return self._stored(name, first)
        return []

    def _is_simple(self, value: ast.ListComp | ast.DictComp) -> bool:
        (first, *more) = value.generators
        return not more and not first.ifs and isinstance(first.target, ast.Name)

    def _as_loop(self, statement: ast.stmt, value: ast.ListComp | ast.DictComp) -> list[ast.stmt]:
        """A comprehension as a loop; its variable gets a name that nothing else has, for it outlives the loop."""
        generator = value.generators[0]
        assert isinstance(generator.target, ast.Name)
        old, new, name = generator.target.id, self._fresh(), self._fresh()
        outside = {id(node) for node in ast.walk(generator.iter)}
        for node in ast.walk(value):
            if isinstance(node, ast.Name) and node.id == old and id(node) not in outside:
                node.id = new
        collected = ast.Name(name, ast.Load())
        if isinstance(value, ast.ListComp):
            empty: ast.expr = ast.List([], ast.Load())
            step: ast.stmt = ast.Expr(ast.Call(ast.Attribute(collected, "append", ast.Load()), [value.elt], []))
        else:
            empty = ast.Dict([], [])
            step = ast.Assign([ast.Subscript(collected, value.key, ast.Store())], value.value)
        loop = ast.For(ast.Name(new, ast.Store()), generator.iter, [step], [])
        made: list[ast.stmt] = [ast.Assign([ast.Name(name, ast.Store())], empty), loop]
        if isinstance(statement, ast.Expr):
            assert isinstance(statement.value, ast.Yield)
            statement.value.value = collected
            return [*made, statement]
        return [*made, self._with_value(statement, collected)]
