"""`autograder doctor`: what this machine offers, and which walls stand here."""

import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import AutograderError
from ..base.settings import resolve_device, settings_from_environment, versions
from ..classroom.class_file import FILE
from ..sandbox import access_times, mounts
from ..sandbox.client import Worker
from ..sandbox.handle import ChildDied

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
    from ..sandbox import walls as module

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
                worker.start()
                findings += _layers(worker)
                # Walls tell something only where a child without bad intentions answers.
                for attempt in ("answer", "fork", "socket", "read", "write", "kill"):
                    child = worker.fork(workspace, memory_mb=500, cpu_seconds=5)
                    try:
                        cloudpickle.register_pickle_by_value(sys.modules[__name__])
                        answer = child.ask(0, cloudpickle.dumps((_attempt, (attempt, __file__))), cpu_seconds=2)
                        stopped = answer.exception is not None and _is_refusal(answer.exception)
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


def _layers(worker: Worker) -> list[Finding]:
    """What a started worker has of the layers that not every machine offers."""
    if worker.is_private:
        size = f"{mounts.SCRATCH_BYTES >> 20} MB, {mounts.SCRATCH_FILES:,} files"
        found = [
            Finding("namespaces", "each child has a root of its own, which holds what it may read", True),
            Finding("scratch folder", f"a tmpfs of its own for each child: {size}", True),
            Finding("access times", "children read through mounts that keep none", True),
        ]
    else:
        found = [
            Finding("namespaces", f"none ({worker.why_not_private})", None, "sizes and times of files can be seen"),
            Finding(
                "scratch folder",
                "none: caches are prepared, and can only be read; tests that write get a folder that is watched",
                None,
                "code that needs a temporary folder fails here; a machine with user namespaces has them",
            ),
            _access_times(worker),
        ]
    if worker.threads is not None:
        return [*found, Finding("threads", f"limited by a control group, {worker.threads.folder.parent}", True)]
    if worker.is_private and os.getuid() != 0:
        return [*found, Finding("threads", "limited by the kernel within the namespace", True)]
    return [*found, Finding("threads", "counted twenty times a second", None, "a pids control group would limit them")]


def _access_times(worker: Worker) -> Finding:
    noted = [path for path in worker.readable if access_times.is_noted_always(path)]
    if noted:
        advice = "what a hand-in read can be seen by the next one: mount with relatime or noatime"
        return Finding("access times", f"each reading is noted (strictatime) in {', '.join(noted)}", False, advice)
    return Finding("access times", "everything is read before hand-ins are, so that none of them changes any", True)


def _is_refusal(report: dict[str, str]) -> bool:
    # What a child has no business with is forbidden, not there, or lies on a mount that nobody can write to.
    return report["type"] in ("PermissionError", "FileNotFoundError") or report["text"].startswith("[Errno 30]")


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
        return open(os.path.join(os.path.dirname(__file__), "x"), "w").name
    return str(os.kill(os.getppid(), 0))
"""
