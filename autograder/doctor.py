"""`autograder doctor`: what this machine offers, and which walls stand here."""

import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .base.errors import AutograderError
from .classroom import FILE
from .sandbox.client import ChildDied, Worker
from .settings import resolve_device, settings_from_environment, versions

__all__ = ["Finding", "examine"]


@dataclass(frozen=True)
class Finding:
    """One line of the report; `ok` is None for mere information."""

    what: str
    value: str
    ok: bool | None = None
    advice: str = ""


def examine() -> list[Finding]:
    """What the doctor finds, the walls tried for real in a child."""
    found = [
        Finding("system", f"{platform.system()} {platform.release()}, {platform.machine()}"),
        Finding("Python", platform.python_version(), sys.version_info >= (3, 11), "Python 3.11 or later is needed"),
        Finding("packages", ", ".join(f"{k} {v}" for k, v in versions().items() if k != "python")),
        Finding("cores", str(os.cpu_count())),
        Finding("device", resolve_device("auto")),
    ]
    found.append(_secret())
    if platform.system() != "Linux":
        walls = "none: hand-ins of strangers are graded on Linux only, elsewhere with --unsafe"
        return [*found, Finding("sandbox", walls, False, "use a Linux machine")]
    from .sandbox import walls as module

    abi = module.landlock_abi()
    found.append(
        Finding("Landlock", f"ABI {abi}" if abi else "missing", abi >= 1, "a kernel of 5.13 or later is needed")
    )
    try:
        module.build_filter()
        found.append(Finding("seccomp", "libseccomp loads", True))
    except OSError as error:
        found.append(Finding("seccomp", str(error), False, "install the package libseccomp2"))
    found.append(Finding("bubblewrap", shutil.which("bwrap") or "not installed", None, "not needed"))
    return [*found, *_try_walls()]


def _secret() -> Finding:
    """Which secret grading would use in the current folder."""
    folder = Path() if Path(FILE).is_file() else None
    try:
        settings = settings_from_environment(device="cpu", folder=folder)
    except AutograderError as error:
        return Finding("secret", str(error), False)
    if settings.demo_secret:
        advice = "grading uses the public demo secret: work in a course folder, or set AUTOGRADER_SECRET"
        return Finding("secret", "not set", None, advice)
    return Finding(
        "secret", "AUTOGRADER_SECRET" if os.environ.get("AUTOGRADER_SECRET") else "the course folder's", True
    )


def _try_walls() -> list[Finding]:
    import cloudpickle

    from exercise_code.common.exercise import PACKAGE

    with tempfile.TemporaryDirectory(prefix="doctor-") as name:
        folder = Path(name).resolve()
        base = folder / "base"
        shutil.copytree(PACKAGE / "common", base / "exercise_code" / "common")
        shutil.copy(PACKAGE / "__init__.py", base / "exercise_code")
        workspace = folder / "workspace"
        package = workspace / "exercise_code" / "ex00_doctor"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "attempts.py").write_text(_ATTEMPTS)
        findings = []
        try:
            with Worker("ex00_doctor", base, ["numpy"]) as worker:
                # Walls tell something only where a child without bad intentions answers.
                for attempt in ("answer", "fork", "socket", "read", "write", "kill"):
                    child = worker.fork(workspace, memory_mb=500, cpu_seconds=5)
                    try:
                        cloudpickle.register_pickle_by_value(sys.modules[__name__])
                        answer = child.ask(0, cloudpickle.dumps((_attempt, (attempt, __file__))), cpu_seconds=2)
                        stopped = answer.exception is not None and answer.exception["type"] == "PermissionError"
                        value = "refused" if stopped else f"NOT refused: {answer.value}"
                        answered = answer.exception is None and answer.value == "an answer"
                    except ChildDied as died:
                        stopped, answered, value = True, False, f"refused ({died})"
                    finally:
                        child.end()
                    if attempt == "answer":
                        value = "it answers" if answered else f"NO answer: {value}"
                        stopped = answered
                    findings.append(
                        Finding(f"a child tries to {attempt}", value, stopped, "do not grade strangers here")
                    )
        except AutograderError as error:
            findings.append(Finding("sandbox", str(error), False, "see the message"))
        return findings


def _attempt(code: object, name: str, path: str) -> object:
    return getattr(code, "attempts").attempt(name, path)  # noqa: B009 - the type is the child's


_ATTEMPTS = """
import os
import socket


def attempt(name, path):
    if name == "answer":
        return "an answer"
    if name == "fork":
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        return "a process"
    if name == "socket":
        return str(socket.socket())
    if name == "read":
        return open(path).read(10)
    if name == "write":
        return open(os.path.join(os.getcwd(), "x"), "w").name
    return str(os.kill(os.getppid(), 0))
"""
