"""Gates for every exercise: green stays green, and answers known by heart earn little."""

import ast
import textwrap
from dataclasses import replace
from functools import cache

import numpy as np
import parrot
import pytest

from autograder.sources.exercise import known_tests, sources
from autograder.sources.known_answers import wrong_answers
from autograder.sources.layout import course_ids
from exercise_code.common.probing.cases import load_cases

EXERCISES = course_ids()
# Answers to the visible tests may earn this part of the points that tests of code give.
BY_HEART = 0.2


@cache
def by_heart(exercise: str) -> parrot.ByHeart:
    return parrot.by_heart(sources(exercise))


@pytest.mark.parametrize("exercise", EXERCISES)
def test_each_wrong_answer_fails_a_visible_test(exercise):
    tests = known_tests(exercise)
    unseen = [
        wrong.name
        for wrong in wrong_answers(exercise)
        if not wrong.unseen and not any(tests[name].visible for name in wrong.fails)
    ]
    assert not unseen, (
        f"these mistakes pass all checks in the notebook: give each a visible test, or say why (unseen): {unseen}"
    )


@pytest.mark.parametrize("exercise", EXERCISES)
def test_each_known_mistake_slips_through_somewhere(exercise):
    """A mistake that raises by a mistake of its own would be caught by all examples."""
    src = sources(exercise)
    cases = load_cases(src.course / "test_hidden.py", f"_bank_{exercise}", False, src.exercise.model)
    seen = {name for wrong in wrong_answers(exercise) for name in wrong.fails}
    never = [case.name for case in cases if "bank" in case.fixtures and case.name not in seen]
    assert not never, f"write wrong answers to wrong.toml whose examples fail: {never}"


@pytest.mark.parametrize("exercise", EXERCISES)
def test_answers_known_by_heart_earn_little(exercise):
    found = by_heart(exercise)
    assert found.possible > 0
    assert found.earned <= BY_HEART * found.possible, (
        f"who knows the visible tests by heart earns {found.earned:g} of {found.possible:g} points: "
        f"give hidden tests more weight in {found.most}"
    )


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_parrot_really_knows_the_visible_tests(exercise):
    """Else its failing of hidden tests would show nothing. It repeats answers, not what a step does to a model."""
    repeated = by_heart(exercise).repeated
    assert sum(repeated.values()) >= 0.6 * len(repeated), [name for name, passed in repeated.items() if not passed]


@pytest.mark.parametrize("exercise", EXERCISES)
def test_no_test_passes_whatever_is_answered(exercise):
    """Such as one whose loop over the answers has nothing to go round."""
    assert parrot.passes_whatever_is_answered(sources(exercise)) == []


@pytest.mark.parametrize("exercise", EXERCISES)
def test_functions_that_always_say_the_same_pass_no_test(exercise):
    """Such as one that asks only for what a function leaves alone."""
    assert parrot.passes_with_functions_that_say_the_same(sources(exercise)) == []


def test_a_test_that_passes_whatever_is_answered_is_seen(tmp_path):
    src = sources("ex03_dataloader")
    (tmp_path / "test_hidden.py").write_text(
        "from exercise_code.common.testing import assert_same, grade\n\n\n"
        '@grade("transform_rescale")\ndef test_of_all(observe):\n    """All are 1."""\n'
        "    for got in observe(lambda code: code):\n        assert_same(got, 1)\n"
    )
    found = parrot.passes_whatever_is_answered(replace(src, course=tmp_path))
    assert [line for line in found if "test_of_all" in line][:2] == ["test_of_all takes ''", "test_of_all takes []"]


def test_a_hidden_test_that_repeats_a_visible_one_is_seen(tmp_path, monkeypatch):
    src = sources("ex03_dataloader")
    hidden = (src.course / "test_hidden.py").read_text(encoding="utf-8")
    visible = ast.parse(src.exercise.visible_tests.read_text(encoding="utf-8"))
    twin = next(n for n in visible.body if getattr(n, "name", "") == "test_rescale_reaches_any_output_range")
    twin.name, twin.decorator_list = "test_twin", [ast.parse('grade("transform_rescale")', mode="eval").body]
    probe = "def rescale(code, image, *ranges):\n    return code.image_folder.RescaleTransform(*ranges)(image)\n"
    names = f'IN_FLOAT = ""\n\n\n{probe}'
    course = tmp_path / src.id
    course.mkdir()
    head = "import numpy as np\n\nfrom exercise_code.common.testing import assert_same, call, grade\n"
    (course / "test_hidden.py").write_text(f'"""Hidden."""\n\n{head}\n{names}\n\n{ast.unparse(twin)}\n')
    assert "test_twin" not in hidden
    cases = parrot.load_cases(course / "test_hidden.py", "_twin", visible=False)
    assert parrot.passes_by_heart(src, cases) == {"test_twin": True}


def test_equal_arguments_are_recognised_and_others_are_not():
    class Thing:
        def __init__(self, count):
            self.count, self.rng = count, np.random.default_rng()

    assert parrot.digest([Thing(3), np.ones(2)]) == parrot.digest([Thing(3), np.ones(2)])
    for other in ([Thing(4), np.ones(2)], [Thing(3), np.ones(3)], [Thing(3), [1.0, 1.0]], [3, np.ones(2)]):
        assert parrot.digest(other) != parrot.digest([Thing(3), np.ones(2)])


def test_what_students_write_is_found():
    text = textwrap.dedent(
        """
        def given():
            pass

        def task():
            ### BEGIN SOLUTION
            return 1
            ### END SOLUTION

        class Model:
            def __init__(self):
                ### BEGIN SOLUTION
                self.a = 1
                ### END SOLUTION

            def given(self):
                pass
        """
    )
    assert list(parrot.written_by_students(text)) == ["task", "Model.__init__"]
