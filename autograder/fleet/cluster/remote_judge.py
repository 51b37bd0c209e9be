"""A judge on another machine: a process that takes hand-ins from its Dask worker's socket and answers with results."""

import contextlib
import io
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from exercise_code.common.datasets.load import load_dataset
from exercise_code.common.errors import CourseError
from exercise_code.common.exercise import load_exercise

from ...base.settings import Settings, resolve_device, versions
from ...judging.job import Job
from ...judging.judge import Judge
from ...judging.result import Result
from ..local import failed_result
from ..process import limit_memory
from .hand_in_bytes import unpack
from .on_worker import ERROR, FAILED, READY, RESULT

__all__ = ["main", "make_order"]

ADVICE = (
    "with --data real each worker needs the data set: set DATASETS_DIR or DATASETS_MIRROR where `dask worker` is "
    "started, to a folder that it can read, or to a server"
)


def make_order(exercise_id: str, settings: Settings) -> bytes:
    """What a judge is told first: the exercise and the settings, secret included."""
    values = {**vars(settings), "secret": settings.secret.hex()}
    return json.dumps({"exercise": exercise_id, "settings": values}).encode()


def main() -> None:
    """Grade what comes from the socket until it closes, or until the Dask worker ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    kit, connection = Path(sys.argv[1]), Connection(int(sys.argv[2]))
    _end_with_parent(int(sys.argv[3]))
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    order = json.loads(connection.recv_bytes())
    settings = Settings(**{**order["settings"], "secret": bytes.fromhex(order["settings"]["secret"])})
    try:
        resolve_device(settings.device)
        _expect_data(order["exercise"], settings)
        limit_memory()
        with Judge(order["exercise"], settings) as judge:
            judge.serve(_jobs(connection, kit, judge), lambda _, result: _send(connection, result, judge))
    except CourseError as error:
        with contextlib.suppress(OSError):
            connection.send_bytes(ERROR + str(error).encode("utf-8", "replace"))


def _jobs(connection: Connection, kit: Path, judge: Judge) -> Iterator[Job]:
    """The hand-ins as they come; the first is asked for when the tests have been collected, so all is ready then."""
    connection.send_bytes(READY + json.dumps(versions()).encode())
    while True:
        try:
            parcel = connection.recv_bytes()
        except (EOFError, OSError):
            return
        with _unpacked(parcel, kit / "tmp") as (path, fault):
            if fault:
                _send(connection, failed_result(_job(path), judge.exercise.id, judge.settings, fault), judge)
            else:
                yield _job(path)


def _job(path: Path) -> Job:
    # Whose it is stays with the one who asked, and so does its name.
    return Job("", path, "hand-in")


@contextlib.contextmanager
def _unpacked(parcel: bytes, into: Path) -> Iterator[tuple[Path, str]]:
    """The hand-in's path, and why it could not be unpacked here: such as a full disk, or a name too long for it."""
    folder, path, fault = into, into, ""
    try:
        folder = Path(tempfile.mkdtemp(prefix="parcel-", dir=into))
        path = unpack(parcel, folder / "hand-in")
    except OSError as error:
        fault = f"the hand-in could not be unpacked on the worker: {error.strerror or type(error).__name__}"
    except (CourseError, ValueError, LookupError, TypeError) as error:
        fault = f"the hand-in did not arrive whole ({type(error).__name__})"
    try:
        yield path, fault
    finally:
        if folder != into:
            shutil.rmtree(folder, ignore_errors=True)


def _send(connection: Connection, result: Result, judge: Judge) -> None:
    try:
        text = result.model_dump_json()
    except ValueError as error:
        # One hand-in's odd text must not cost the judge.
        fault = f"its result could not be written ({type(error).__name__})"
        result = failed_result(_job(Path()), judge.exercise.id, judge.settings, fault)
        text = result.model_dump_json()
    connection.send_bytes((FAILED if result.failed else RESULT) + text.encode())


def _expect_data(exercise_id: str, settings: Settings) -> None:
    model = load_exercise(exercise_id).model
    if model is None or settings.data != "real":
        return
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            load_dataset(model.dataset, "val", source="real")
    except CourseError as error:
        raise CourseError(f"{error} ({ADVICE})") from None


def _end_with_parent(parent: int) -> None:
    """End as soon as the Dask worker has, in the middle of a hand-in too; its warden removes the course."""

    def watch() -> None:
        # Its number is told: it may have ended before this process could ask for it.
        while os.getppid() == parent:
            time.sleep(0.5)
        # The sandbox's worker and its children end with this process.
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="end with parent", daemon=True).start()
