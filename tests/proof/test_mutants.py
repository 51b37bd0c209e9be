# ruff: noqa: E501 - tables of code before and after
"""Mutants: which bugs the tool makes, that each is a small valid edit, and that equivalents cannot go stale."""

import ast
import bisect
import inspect
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.base.errors import AutograderError
from autograder.proof.mutants import Mutant, mutants_of_folder, mutants_of_text, pool


def changes(code: str, operator: str | None = None) -> set[str]:
    """What the mutants of a function body change, such as `x + 1 -> x - 1`."""
    text = "def f(x, y, z):\n" + textwrap.indent(textwrap.dedent(code), "    ")
    found = mutants_of_text(text, "m.py")
    return {mutant.change for mutant in found if operator in (None, mutant.operator)}


@pytest.mark.parametrize(
    ("code", "operator", "want"),
    [
        ("return x + y", "arithmetic", {"return x - y"}),
        ("return x // y", "arithmetic", {"return x / y"}),
        ("return (x) * (  # times\n    y)", "arithmetic", {"return (x) / ( # times"}),
        ("x -= y\nreturn x", "augmented", {"x += y", "x = y"}),
        ("return x < y", "compare", {"return x <= y", "return x >= y"}),
        ("return x is not y", "compare", {"return x is y"}),
        ("return x not  in y", "compare", {"return x in y"}),
        ("return x and y", "boolean", {"return x or y"}),
        ("return not x", "unary", {"return x"}),
        ("return 3", "constant", {"return 4"}),
        ("return x(True)", "constant", {"return x(False)"}),
        ("return 0.5", "constant", {"return 1.5"}),
        ("if x and y:\n    z = y\nelse:\n    z = x\nreturn z", "negate", {"if not (x and y):"}),
        ("return y if x else z", "force", {"return y if True else z", "return y if False else z"}),
        ("if x:\n    z = y\nreturn z", "force", {"if True:"}),
        ("return x[y:]", "bound", {"return x[y + 1:]", "return x[y - 1:]", "return x[y:-1]"}),
        ("return x[:, None]", "bound", {"return x[1:, None]", "return x[:-1, None]"}),
        ("return range(y)", "bound", {"return range(y + 1)", "return range(y - 1)", "return range(1, y)"}),
        ("return range(y + z)", "bound", {"return range((y + z) + 1)", "return range((y + z) - 1)", "return range(1, y + z)"}),
        ("return [x[i] for i in y]", "bound", {"return [x[i + 1] for i in y]", "return [x[i - 1] for i in y]"}),
        ("return x", "return", {"return None"}),
        ("return Sequential(x(1), y(2, axis=0), *z)", "element", {"return Sequential(y(2, axis=0), *z)", "return Sequential(x(1), *z)"}),
        ("x += [y(), 3, z]", "element", {"x += [3, z]"}),
        ("with no_grad():\n    z = x(y)\nreturn z", "context", {"if True:"}),
        ("with x as y:\n    return y", "context", set()),
        ("with x as y:\n    return y", "delete", {"pass"}),
        ("if x:\n    return y\nreturn z", "delete", {"pass"}),
        ("if x:\n    return y\nelse:\n    return z", "delete", {"pass"}),
        ("return x.sum(axis=0, keepdims=True)", "keyword", {"return x.sum(keepdims=True)", "return x.sum(axis=0)"}),
        ("return x.mean(axis=(0))", "keyword", {"return x.mean()"}),
        ("return y(x, z)", "swap", {"return y(z, x)"}),
        ("return max(x, z)", "swap", set()),
        ("return sorted(x)", "unwrap", {"return x"}),
        ("return (x + y).copy()", "unwrap", {"return (x + y)"}),
        ("return x.T", "unwrap", {"return x"}),
        ("return len(x)", "unwrap", set()),
        ('return x["key"], {"other": y}', "key", {"return x['key_'], {\"other\": y}", "return x[\"key\"], {'other_': y}"}),
        ("x.append(y)\nreturn x", "delete", {"pass"}),
        ("for i in y:\n    x += i\n    z += i\nreturn x, z", "delete", {"pass"}),
    ],
)  # fmt: skip
def test_operators(code, operator, want):
    after = {change.split(" -> ")[1] for change in changes(code, operator)}
    assert after == want


def test_text_for_people_is_left_alone():
    code = '''
    """A docstring of 1 + 1."""
    print("read", 1 + 1)
    if x:
        raise ValueError("expected " + str(y + 1))
    return None
    '''
    assert changes(code) == {
        'raise ValueError("expected " + str(y + 1)) -> pass',
        "if x: -> if True:",
        "if x: -> if not x:",
    }


def test_annotations_imports_and_f_strings_are_left_alone():
    text = 'import os\n\ndef f(x: "a" = 2) -> "a"[1:]:\n    import os\n    s: int\n    return f"{x + 1}"\n'
    assert {mutant.change for mutant in mutants_of_text(text, "m.py")} == {'return f"{x + 1}" -> return None'}


def test_defaults_of_a_nested_function_count():
    assert "def g(a=1): -> def g(a=2):" in changes("def g(a=1):\n    return a\nreturn g")


def test_only_code_between_markers_is_mutated():
    text = textwrap.dedent(
        """\
        LIMIT = 3

        def given(x):
            return x + 1

        def solved(x):
            x = x + LIMIT
            ### BEGIN SOLUTION
            y = x * 2
            ### END SOLUTION
            return y
        """
    )
    found = mutants_of_text(text, "m.py")
    assert found
    assert {(mutant.function, mutant.line) for mutant in found} == {("solved", 9)}


@pytest.mark.parametrize(
    "text", ["### END SOLUTION\n", "### BEGIN SOLUTION\n", "### BEGIN SOLUTION\n### BEGIN SOLUTION\n"]
)
def test_unbalanced_markers_are_named(text):
    with pytest.raises(AutograderError, match=r"m\.py:\d: expected ### "):
        mutants_of_text(text, "m.py")


def test_a_deleted_block_is_named_by_its_first_line():
    assert "for i in y: ... -> pass" in changes("for i in y:\n    x += i\n    z += i\nreturn x, z")


def test_ids_do_not_depend_on_lines():
    text = "def f(x):\n    return x + 1\n"
    before = {mutant.id for mutant in mutants_of_text(text, "m.py")}
    after = {mutant.id for mutant in mutants_of_text("\n\n# a comment\n" + text, "m.py")}
    assert before == after == {"m.py:f:return:1", "m.py:f:arithmetic:1", "m.py:f:constant:1"}


def test_methods_and_nested_functions_are_named_in_full():
    text = "class A:\n    def f(self):\n        def g():\n            return 1\n        return g()\n"
    assert {mutant.function for mutant in mutants_of_text(text, "m.py")} == {"A.f", "A.f.g"}


def test_diff_is_one_small_edit():
    text = "def f(x):\n    y = 1\n    z = é(2)  # ü\n    return (x +\n            y * z)\n".replace("é", "int")
    mutant = next(m for m in mutants_of_text(text, "m.py") if m.operator == "arithmetic" and "/" in m.after)
    changed = [line for line in mutant.diff().splitlines()[3:] if line[0] in "+-"]
    assert changed == ["-            y * z)", "+            y / z)"]
    assert str(mutant) == "m.py:5  y * z) -> y / z)"


def test_text_that_is_not_ascii_keeps_its_places():
    code = 'größe = {"ä": "öü", "b": x + 1}\nreturn größe'
    assert 'größe = {"ä": "öü", "b": x + 1} -> größe = {"ä": "öü", "b": x - 1}' in changes(code)


@pytest.mark.parametrize("module", [bisect, textwrap])
def test_real_modules_give_valid_different_deterministic_mutants(module):
    text = inspect.getsource(module)
    found = mutants_of_text(text, "m.py")
    assert found == mutants_of_text(text, "m.py")
    assert len({mutant.id for mutant in found}) == len(found) > 30
    some = found[:: max(1, len(found) // 20)]
    assert len({ast.dump(ast.parse(mutant.source)) for mutant in some} | {ast.dump(ast.parse(text))}) == len(some) + 1


_expressions = st.recursive(
    st.sampled_from(["x", "y", "1", "0.5", "True", "x[0]", "x[1:y]", "f(x)"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "<", "==", "and", "or", "@", "**"]), inner).map(
            lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"
        ),
        inner.map(lambda text: f"not ({text})"),
        st.tuples(inner, inner).map(lambda parts: f"f({parts[0]}, {parts[1]}, axis=({parts[0]}))"),
        st.tuples(inner, inner, inner).map(lambda parts: f"(({parts[0]}) if {parts[1]} else ({parts[2]}))"),
        inner.map(lambda text: f"[{text} for i in range({text}) if {text}]"),
    ),
    max_leaves=8,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(_expressions, min_size=1, max_size=3))
def test_any_code_gives_mutants_that_differ_in_one_statement(expressions):
    text = (
        "def g(x, y, f):\n" + "".join(f"    v{i} = {text}\n" for i, text in enumerate(expressions)) + "    return v0\n"
    )
    found = mutants_of_text(text, "m.py")
    # At the least every assignment can go, and the result can become None.
    assert len(found) > len(expressions)
    for mutant in found:
        ast.parse(mutant.source)
        differing = [a != b for a, b in zip(text.splitlines(), mutant.source.splitlines(), strict=True)]
        assert sum(differing) == 1
        assert mutant.line == differing.index(True) + 1


SOLUTION = "def f(x):\n    return x * 1\n"


def write(tmp_path, equivalents: str):
    (tmp_path / "solution").mkdir()
    (tmp_path / "solution" / "m.py").write_text(SOLUTION)
    path = tmp_path / "equivalent.toml"
    path.write_text(equivalents)
    return tmp_path / "solution", path


ENTRY = '[[equivalent]]\nid = "{id}"\nmutant = "{mutant}"\nreason = "one is neutral for both"\n'
GOOD = ENTRY.format(id="m.py:f:arithmetic:1", mutant="return x * 1 -> return x / 1")


def test_equivalents_are_set_apart(tmp_path):
    found = pool(*write(tmp_path, GOOD))
    assert [(mutant.id, reason) for mutant, reason in found.equivalents] == [
        ("m.py:f:arithmetic:1", "one is neutral for both")
    ]
    assert {mutant.id for mutant in found.mutants} == {"m.py:f:return:1", "m.py:f:constant:1"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ENTRY.format(id="m.py:f:arithmetic:2", mutant="return x * 1 -> return x / 1"), "no mutant has.*now is m.py:f:arithmetic:1"),
        (ENTRY.format(id="m.py:f:arithmetic:1", mutant="return x * 1 -> return x + 1"), "the mutant now is 'return x \\* 1 -> return x / 1'"),
        (GOOD + GOOD, "twice"),
        (GOOD.replace("one is neutral for both", "yes"), "a reason in words"),
        (GOOD + 'why = "so"\n', "why"),
        ('[[equivalents]]\nid = "a"\n', "only \\[\\[equivalent\\]\\]"),
        ("[[equivalent]", "expected a TOML file"),
        ('[[equivalent]]\nid = "a"\n', "expected a value, got none"),
    ],
)  # fmt: skip
def test_bad_equivalents_are_refused(tmp_path, text, words):
    with pytest.raises(AutograderError, match=words):
        pool(*write(tmp_path, text))


def test_missing_folder_and_broken_module_are_named(tmp_path):
    with pytest.raises(AutograderError, match="no such folder"):
        mutants_of_folder(tmp_path / "none")
    (tmp_path / "m.py").write_text("def f(:\n")
    with pytest.raises(AutograderError, match=r"m\.py:1: expected Python code"):
        mutants_of_folder(tmp_path)


def test_mutant_is_plain_data():
    mutant = mutants_of_text(SOLUTION, "m.py")[0]
    assert isinstance(mutant, Mutant)
    assert hash(mutant) == hash(mutants_of_text(SOLUTION, "m.py")[0])
