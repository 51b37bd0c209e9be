"""Are the sources of an exercise complete and consistent?"""

from collections.abc import Sequence
from pathlib import Path

from exercise_code.common.exercise import Exercise, load_exercise

from .cells import FULL_POINTS, GradedCell, graded_cells
from .graded_tests import read_tests
from .layout import fault, given_modules, notebook_sources, short, solution_sources

__all__ = ["validate"]


def validate(exercise: str, course: Path, root: Path) -> Exercise:
    """What `exercise.toml` says; an error where it, the sources and the tests do not fit together."""
    config = load_exercise(exercise, root / "exercise_code")
    folder = course / exercise
    toml = f"exercise_code/{exercise}/exercise.toml"
    scripts = [path.stem for path in notebook_sources(exercise, course)]
    solved = [path.stem for path in solution_sources(exercise, course)]
    _expect_names(f"{toml}, notebooks and optional", config.all_notebooks, scripts, short(folder))
    _expect_names(f"{toml}, modules", config.modules, solved, f"{short(folder)}/solution")
    given = [path.stem for path in given_modules(config.folder, solved)]
    _expect_names(f"{toml}, given", config.given, given, f"exercise_code/{exercise}")
    _expect_all_earlier(config, toml)
    cells = graded_cells(exercise, course)
    total = sum(cell.points for cell in cells)
    if abs(total - FULL_POINTS) > 1e-9:
        each = ", ".join(f"{cell.grade_id} {cell.points:g}" for cell in cells)
        fault(short(folder), f"points that sum to {FULL_POINTS}", f"{total:g}", f"there are {each or 'none'}")
    _validate_tests(config, cells, folder)
    return config


def _expect_all_earlier(config: Exercise, toml: str) -> None:
    """Whoever reads `earlier` need not follow it further."""
    for name in config.earlier:
        further = load_exercise(name, config.folder.parent).earlier
        if missing := [other for other in further if other not in config.earlier]:
            fault(f"{toml}, earlier", f"what {name} builds on", f"no {', '.join(missing)}", "name it, too")


def _expect_names(what: str, got: Sequence[str], want: Sequence[str], source: str) -> None:
    if sorted(got) != sorted(want):
        advice = f"list the files in {source}, neither more nor fewer"
        fault(what, ", ".join(sorted(want)) or "nothing", ", ".join(sorted(got)) or "nothing", advice)


def _validate_tests(config: Exercise, cells: Sequence[GradedCell], folder: Path) -> None:
    checked = sorted(cell.grade_id for cell in cells if cell.kind == "checks")
    an_id = f"the grade_id of a checks cell ({', '.join(checked)})"
    tested: set[str] = set()
    places: dict[str, str] = {}
    for path in (config.visible_tests, folder / "test_hidden.py"):
        for name, grade_id, line in read_tests(path):
            where = f"{short(path)}, line {line} ({name})"
            if name in places:
                fault(where, "a name of its own", f"that of {places[name]}", "rename one of the two tests")
            if grade_id not in checked:
                fault(where, an_id, repr(grade_id), "no cell would get the test's points")
            places[name] = where
            tested.add(grade_id)
    if untested := [grade_id for grade_id in checked if grade_id not in tested]:
        advice = f'write one with @grade("{untested[0]}")'
        fault(short(folder), "a test for every checks cell", f"none for {', '.join(untested)}", advice)
    if config.model is not None and config.model.grade_id not in checked:
        where = f"exercise_code/{config.id}/exercise.toml, [model] grade_id"
        fault(where, an_id, repr(config.model.grade_id), "name the cell that the score counts for")
