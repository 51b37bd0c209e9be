"""The time limit of a check: it ends loops, and leaves libraries whole that are just being imported."""

import importlib
import signal
import sys
import threading

import pytest

from exercise_code.common.probing.clock import TimeUp, time_limit

STRIKE = "import signal\nsignal.raise_signal(signal.SIGALRM)\n"

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no alarms on this system")


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """A student's package and a folder of libraries; modules that the test imports are forgotten again."""
    student, libraries = tmp_path / "student", tmp_path / "libraries"
    for folder in (student, libraries):
        folder.mkdir()
        monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    yield student, libraries
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_loop_of_the_student_is_struck(folders):
    student, _ = folders
    (student / "slow_answer.py").write_text(f"def answer():\n    {STRIKE.replace(chr(10), chr(10) + '    ')}")
    slow_answer = importlib.import_module("slow_answer")
    with pytest.raises(TimeUp), time_limit(600, student):
        slow_answer.answer()


def test_a_loop_at_the_top_of_a_students_module_is_struck(folders):
    student, _ = folders
    (student / "slow_module.py").write_text(STRIKE)
    with pytest.raises(TimeUp), time_limit(600, student):
        importlib.import_module("slow_module")
    assert "slow_module" not in sys.modules


def test_a_library_that_the_student_imports_is_not_struck_and_stays_whole(folders):
    student, libraries = folders
    (libraries / "slow_library.py").write_text(f"{STRIKE}import slow_part\nWHOLE = slow_part.WHOLE\n")
    (libraries / "slow_part.py").write_text(f"{STRIKE}WHOLE = True\n")
    (student / "imports_it.py").write_text("import slow_library\n")
    with time_limit(600, student):
        imports_it = importlib.import_module("imports_it")
        # The clock begins anew, with the whole time.
        assert 590 < signal.getitimer(signal.ITIMER_REAL)[0] <= 600
    assert imports_it.slow_library.WHOLE


def test_a_call_into_a_library_is_struck(folders):
    student, libraries = folders
    (libraries / "a_library.py").write_text(f"def compute():\n    {STRIKE.replace(chr(10), chr(10) + '    ')}")
    (student / "calls_it.py").write_text("import a_library\n\ndef answer():\n    a_library.compute()\n")
    calls_it = importlib.import_module("calls_it")
    with pytest.raises(TimeUp), time_limit(600, student):
        calls_it.answer()


def test_afterwards_the_alarm_is_as_it_was(folders):
    before = signal.getsignal(signal.SIGALRM)
    outer = signal.setitimer(signal.ITIMER_REAL, 5000, 7)
    with time_limit(600, folders[0]):
        assert signal.getsignal(signal.SIGALRM) is not before
        assert signal.getitimer(signal.ITIMER_REAL)[0] <= 600
    assert signal.getsignal(signal.SIGALRM) is before
    left, again = signal.setitimer(signal.ITIMER_REAL, *outer)
    assert left > 600
    assert again == 7


def test_in_another_thread_there_is_no_limit(folders):
    before, seen = signal.getsignal(signal.SIGALRM), []

    def run():
        with time_limit(600, folders[0]):
            seen.append(signal.getsignal(signal.SIGALRM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]
