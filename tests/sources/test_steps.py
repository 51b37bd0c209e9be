"""Points for a model's score come in steps: stated in `exercise.toml`, decided in one place, shown as they are."""

import types
from dataclasses import replace

import pytest
from tiny_course import make_tiny_course

from autograder.sources.cells import graded_cells, points_of
from autograder.sources.exercise import sources
from autograder.sources.layout import course_ids
from exercise_code.common.errors import CourseError
from exercise_code.common.exercise import ModelSpec, Step, load_exercise
from exercise_code.common.probing.cases import Case, Grade, discover, grade, load_cases
from exercise_code.common.probing.scores import Score
from exercise_code.common.testing import Failure

STEPS = (
    Step("beats the baseline", {"embedded": 30.0, "real": 75.0}, 0.25),
    Step("half way", {"embedded": 60.0, "real": 105.0}, 0.5),
    Step("passes", {"embedded": 100.0, "real": 150.0}, 1.0),
    Step("excellent", {"embedded": 250.0}, 1.0),
)
MODEL = ModelSpec(("net",), 1000, 1.0, "keypoint_score", "net_score", STEPS, 1, "facial_keypoints", 60)
ERRORS = tuple(
    Step(step.name, {"embedded": score}, step.share) for step, score in zip(STEPS, (0.9, 0.6, 0.3, 0.1), strict=True)
)
MODELS = [name for name in course_ids() if load_exercise(name).model is not None]


@pytest.mark.parametrize(
    ("score", "step", "upcoming"),
    [
        (29.94, None, "beats the baseline"),
        (29.96, "beats the baseline", "half way"),
        (59.94, "beats the baseline", "half way"),
        (59.96, "half way", "passes"),
        (99.94, "half way", "passes"),
        (99.96, "passes", "excellent"),
        (249.96, "excellent", None),
    ],
)
def test_the_rounded_score_decides_at_each_step(score, step, upcoming):
    reached = MODEL.reached(score, "embedded")
    assert (reached.name if reached else None) == step
    behind = MODEL.upcoming(reached, "embedded")
    assert (behind.name if behind else None) == upcoming
    assert MODEL.passes(score, "embedded") is (step in ("passes", "excellent"))


def test_noise_behind_the_stated_digits_decides_nothing():
    for step in STEPS:
        stated = step.score["embedded"]
        for noise in (-4e-2, -1e-6, 0.0, 1e-6):
            assert MODEL.reached(stated + noise, "embedded") == step


@pytest.mark.parametrize(
    ("error", "step"),
    [(0.94, "beats the baseline"), (0.96, None), (0.64, "half way"), (0.34, "passes"), (0.14, "excellent")],
)
def test_steps_of_an_error_lead_downwards(error, step):
    model = replace(MODEL, metric="mse", steps=ERRORS)
    reached = model.reached(error, "embedded")
    assert (reached.name if reached else None) == step


def test_an_honour_that_is_not_stated_for_a_source_is_no_step_there():
    assert MODEL.reached(1000.0, "real").name == "passes"
    assert MODEL.upcoming(MODEL.reached(1000.0, "real"), "real") is None


def test_a_step_adds_what_the_one_before_it_lacks():
    thirds = tuple(replace(step, share=share) for step, share in zip(STEPS, (0.3, 0.6, 1.0, 1.0), strict=True))
    model = replace(MODEL, steps=thirds)
    assert [model.added_share(step.name) for step in thirds] == [0.3, 0.3, 0.4, 0.0]
    assert [step.name for step in model.earning_steps] == ["beats the baseline", "half way", "passes"]


def test_a_failure_says_which_step_is_reached_and_which_comes_next():
    with pytest.raises(Failure) as caught:
        Score(61.26, MODEL, "embedded").expect("passes")
    failure = caught.value
    assert (failure.reason, failure.want, failure.got) == ("the score is 61.3", "100.0 for 'passes'", "61.3")
    assert failure.hint == "The step 'half way' is reached; the next one is 'passes' at 100.0."
    with pytest.raises(Failure) as caught:
        Score(1, MODEL, "real").expect("passes")
    assert caught.value.hint == "No step is reached yet; the next one is 'beats the baseline' at 75.0."
    Score(99.951, MODEL, "embedded").expect("passes")


def test_a_test_of_a_step_has_the_weight_and_the_time_that_exercise_toml_states():
    @grade("net_score", step="half way")
    def earns(): ...

    @grade("net_score", step="half way", weight=0)
    def informs(): ...

    marks = [function.__grade__.of(MODEL) for function in (earns, informs)]
    assert [(mark.weight, mark.cpu_seconds) for mark in marks] == [(0.25, 60), (0, 60)]
    assert Grade("other").of(None) == Grade("other")
    with pytest.raises(CourseError, match="expected no weight beside step"):
        grade("net_score", step="half way", weight=2)
    with pytest.raises(CourseError, match="known are beats the baseline"):
        grade("net_score", step="halfway")(lambda: None).__grade__.of(MODEL)
    with pytest.raises(CourseError, match="expected \\[model\\]"):
        earns.__grade__.of(None)


ORDER = '\n[[model.steps]]\nname = "{}"\nscore = {{ embedded = {} }}\nshare = {}\n'


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([("a", 0.1, 0.5), ("a", 0.5, 1.0)], "names that differ"),
        ([("a", 0.1, 0.5)], "shares that rise"),
        ([("a", 0.1, 0.0), ("b", 0.5, 1.0)], "shares that rise"),
        ([("a", 0.1, 0.5), ("b", 0.2, 0.5), ("c", 0.5, 1.0)], "shares that rise"),
        ([("a", 0.1, 1.0), ("b", 0.5, 0.5)], "shares that rise"),
        ([("a", 0.5, 0.5), ("b", 0.1, 0.7), ("c", 0.6, 1.0)], "get better from step to step"),
        ([("a", 0.5, 0.5), ("b", 0.5, 1.0)], "get better from step to step"),
        ([("a", 0.123, 0.5), ("b", 0.5, 1.0)], "at most 2 digits"),
    ],
)
def test_faults_of_steps_are_named(tmp_path, steps, words):
    tiny = make_tiny_course(tmp_path / "tiny", model=True)
    path = tiny.exercise.folder / "exercise.toml"
    text = path.read_text().split("\n[[model.steps]]")[0]
    path.write_text(text + "".join(ORDER.format(*step) for step in steps) + "# changed\n")
    with pytest.raises(CourseError, match=words) as caught:
        load_exercise(tiny.id, tiny.exercise.folder.parent)
    assert str(path) in str(caught.value)


def cases_of_steps(exercise: str) -> tuple[list[Case], list[Case]]:
    src = sources(exercise)
    model = src.exercise.model
    hidden = load_cases(src.course / "test_hidden.py", f"steps_{exercise}", False, model)
    return tuple(
        [case for case in cases if case.grade.grade_id == model.grade_id] for cases in (discover(src.exercise), hidden)
    )


@pytest.mark.parametrize("exercise", MODELS)
def test_each_step_has_a_test_that_informs_and_one_that_earns_its_share(exercise):
    model = load_exercise(exercise).model
    names = [step.name for step in model.earning_steps]
    visible, hidden = cases_of_steps(exercise)
    assert [case.grade.step for case in visible if case.grade.step] == names
    assert [case.grade.step for case in hidden if case.grade.weight] == names
    assert not any(case.grade.weight for case in visible)
    points = points_of(exercise)[model.grade_id]
    earned = 0.0
    for case, step in zip((case for case in hidden if case.grade.weight), model.earning_steps, strict=True):
        earned += points * case.grade.weight
        assert earned == pytest.approx(points * step.share)


@pytest.mark.parametrize("exercise", MODELS)
def test_a_test_of_a_step_passes_from_its_score_on(exercise):
    model = load_exercise(exercise).model
    healthy = types.SimpleNamespace(problems=())
    for source in model.passing:
        for case in [case for cases in cases_of_steps(exercise) for case in cases if case.grade.step]:
            stated = model.step(case.grade.step).score[source]
            least = 10.0**-model.digits
            worse = stated - least if model.reaches(stated + 1e9, source, case.grade.step) else stated + least
            case.function(evaluation=lambda: Score(stated, model, source), model_info=healthy)  # noqa: B023
            with pytest.raises(Failure):
                case.function(evaluation=lambda: Score(worse, model, source), model_info=healthy)  # noqa: B023
            with pytest.raises(AssertionError, match="too large"):
                case.function(
                    evaluation=lambda: Score(stated, model, source),  # noqa: B023
                    model_info=types.SimpleNamespace(problems=("too large",)),
                )


@pytest.mark.parametrize("exercise", MODELS)
def test_the_notebook_states_each_step_as_exercise_toml_does(exercise):
    model = load_exercise(exercise).model
    src = sources(exercise)
    (notebook,) = [cell.notebook for cell in graded_cells(exercise) if cell.grade_id == model.grade_id]
    text = (src.course / f"{notebook}.py").read_text(encoding="utf-8")
    points = points_of(exercise)[model.grade_id]
    for step in model.earning_steps:
        scores = " | ".join(f"{step.score[source]:g}" for source in ("embedded", "real") if source in step.score)
        assert f"| {step.name} | {scores} | {points * step.share:g} |" in text
