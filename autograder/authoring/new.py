"""A new exercise: small and complete, for its author to replace piece by piece."""

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..base.errors import AutograderError
from ..sources.layout import ROOT, course_folder, is_exercise_id

__all__ = ["new_command", "new_exercise"]

TEMPLATES = Path(__file__).resolve().parent / "templates"
# Template files end in it, so that nothing takes them for modules, tests or an exercise.
SUFFIX = ".tmpl"
NOTEBOOK = "1_notebook.py"
LONGEST_ID, LONGEST_TITLE = 40, 100
_FIELD = re.compile(r"@([a-z_]+)@")


def new_exercise(
    exercise: str, title: str = "", *, model: bool = False, root: Path = ROOT, course: Path | None = None
) -> list[Path]:
    """The files of the new exercise, in order; all of them are written, or none.

    Args:
        exercise: an id such as `ex90_relu` that no folder has yet.
        title: one line; the topic of the id where none is given.
        model: an exercise in which a trained model is handed in, too.
        root: the project's folder; `course` is its `autograder/course` where that lies elsewhere.
    """
    _expect_id(exercise)
    title = _one_line(title.strip() or exercise[5:].replace("_", " ").strip().capitalize() or exercise)
    public = root / "exercise_code" / exercise
    private = (course or root / "autograder" / "course") / exercise
    for folder in (public, private, root / "exercises" / exercise):
        if folder.exists() or folder.is_symlink():
            raise AutograderError(
                f"expected the id of a new exercise, got {exercise!r}: {folder} is there already; "
                "choose another id, or delete that folder first"
            )
    fields = {
        "id": exercise,
        "topic": exercise[5:],
        "number": str(int(exercise[2:4])),
        "title": title,
        # A JSON string is a TOML string where its characters can be printed.
        "title_toml": json.dumps(title, ensure_ascii=False),
    }
    source = TEMPLATES / ("new_model" if model else "new_code")
    try:
        with _staged(source / "public", public, fields) as given, _staged(source / "private", private, fields) as ours:
            # Folders appear at the very end, the one that makes it an exercise last.
            ours.rename(private)
            try:
                given.rename(public)
            except BaseException:
                shutil.rmtree(private, ignore_errors=True)
                raise
    except OSError as error:
        raise AutograderError(
            f"could not write {exercise}: {error.filename or root}: {error.strerror or error}; nothing was changed"
        ) from None
    return [path for folder in (public, private) for path in sorted(folder.rglob("*")) if path.is_file()]


def _expect_id(exercise: str) -> None:
    if not is_exercise_id(exercise) or len(exercise) > LONGEST_ID:
        raise AutograderError(
            f"expected the id of an exercise, ex, two digits, _ and a topic in small letters, digits and _, "
            f"{LONGEST_ID} characters at most, got {exercise!r}: write it like ex90_relu"
        )


def _one_line(title: str) -> str:
    if not title.isprintable() or len(title) > LONGEST_TITLE:
        raise AutograderError(
            f"expected a title of one line with {LONGEST_TITLE} characters at most, got {title[:60]!r}: shorten it"
        )
    return title


@contextmanager
def _staged(source: Path, target: Path, fields: dict[str, str]) -> Iterator[Path]:
    """A folder beside the target, filled from the templates, to be renamed; what is left of it is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-", ignore_cleanup_errors=True) as name:
        staged = Path(name) / target.name
        for path in sorted(source.rglob(f"*{SUFFIX}")):
            relative = path.relative_to(source).with_suffix("")
            if relative.name == NOTEBOOK:
                relative = relative.with_name(f"1_{fields['topic']}.py")
            (staged / relative).parent.mkdir(parents=True, exist_ok=True)
            text = _FIELD.sub(lambda match: fields[match[1]], path.read_text(encoding="utf-8"))
            (staged / relative).write_text(text, encoding="utf-8", newline="\n")
        yield staged


def new_command(exercise: str, title: str = "", model: bool = False) -> int:
    """0 after the exercise was written: prints its files and the commands that come next."""
    for path in new_exercise(exercise, title, model=model, course=course_folder()):
        print(f"wrote {path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}")
    commands = {
        "build": "notebooks and stubs for students",
        f"train {exercise}": "the reference model, in seconds",
        f"verify {exercise}": "does it grade as it should?",
    }
    if not model:
        del commands[f"train {exercise}"]
    width = len(f"verify {exercise}")
    print("\nIt works as it is. What comes next:")
    for command, purpose in commands.items():
        print(f"  autograder {command:{width}}   {purpose}")
    print("Then replace its content piece by piece, and run them again.")
    return 0
