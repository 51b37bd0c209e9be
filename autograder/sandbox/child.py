"""The child: walled in before it reads a line of student code, it answers one probe after the other."""

import importlib.abc
import importlib.machinery
import io
import os
import pickle
import struct
import sys
from pathlib import Path
from types import CodeType
from typing import Any, ClassVar

from . import libraries, mounts, walls

__all__ = ["HEADER", "INTRO_BYTES", "NONCE_BYTES", "READY", "run"]

HEADER = struct.Struct("<Q")
NONCE_BYTES = 16
# The nonce, the kind of the answer and the notes stand before its body.
INTRO_BYTES = NONCE_BYTES + 2
READY, VALUE, EXCEPTION, REFUSED, WALL = b"R", b"V", b"E", b"W", b"X"


def run(request: int, answer: int, spec: dict[str, Any], rules: Any) -> None:
    """Serve probes until the request pipe closes. Never returns to the worker's loop."""
    try:
        _wall_in(request, answer, spec, rules)
    except BaseException as error:
        _send(answer, bytes(NONCE_BYTES), WALL, f"{type(error).__name__}: {error}".encode())
        os._exit(1)
    _prepare(spec)
    _send(answer, bytes(NONCE_BYTES), READY, b"")
    count = 0
    while (body := _receive(request)) is not None:
        count += 1
        _answer(answer, body, spec, count)
    os._exit(0)


def _wall_in(request: int, answer: int, spec: dict[str, Any], rules: Any) -> None:
    keep = sorted((request, answer))
    os.closerange(3, keep[0])
    os.closerange(keep[0] + 1, keep[1])
    os.closerange(keep[1] + 1, 65536)
    if spec["unsafe"]:
        os.chdir(spec["writable"] or spec["workspace"])
        return
    proc = "/proc"
    if spec["private"]:
        proc = mounts.MACHINE + proc
    walls.die_with_parent()
    walls.die_first(proc)
    walls.set_limits(
        memory=None if spec["gpu"] else spec["memory"],
        cpu_seconds=spec["cpu_seconds"],
        file_size=spec["file_size"],
        threads=spec["threads"] if spec["private"] else None,
        proc=proc,
    )
    writable = [spec["writable"]] if spec["writable"] else []
    if spec["private"]:
        mounts.enter_scratch(spec["workspace"])
        spec["workspace"], writable = mounts.HAND_IN, [mounts.SCRATCH]
        for name in libraries.FOLDERS:
            os.mkdir(f"{mounts.SCRATCH}/{name}")
    os.chdir(spec["writable"] or spec["workspace"])
    walls.drop_capabilities()
    # Not the workspace itself: notebooks lie there, with room for weights that nobody would count.
    own = [os.path.join(spec["workspace"], name) for name in ("exercise_code", "models")]
    own_process = walls.GPU_WRITES if spec["gpu"] else ()
    walls.apply_landlock([*spec["readable"], *own], [*writable, *own_process], spec["devices"])
    rules.load()


def _prepare(spec: dict[str, Any]) -> None:
    import exercise_code

    package_folder = str(Path(spec["workspace"], "exercise_code"))
    exercise_code.__path__.insert(0, package_folder)
    sys.path_hooks.insert(0, _hook(package_folder))
    sys.path_importer_cache.clear()
    sys.stdin = open(os.devnull)  # noqa: SIM115 - lives as long as the process
    libraries.quieten()


class _CachingLoader(importlib.machinery.SourceFileLoader):
    """Compiles a student's module once, though every probe imports it afresh."""

    cache: ClassVar[dict[str, CodeType]] = {}

    def get_code(self, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        if path not in self.cache:
            self.cache[path] = self.source_to_code(self.get_data(path), path)
        return self.cache[path]


def _hook(folder: str) -> Any:
    finder = importlib.machinery.FileFinder.path_hook((_CachingLoader, [".py"]))

    def hook(path: str) -> importlib.abc.PathEntryFinder:
        if not path.startswith(folder):
            raise ImportError(path)
        return finder(path)

    return hook


def _answer(answer: int, body: bytes, spec: dict[str, Any], count: int) -> None:
    from exercise_code.common.probing.exceptions import describe_exception
    from exercise_code.common.probing.in_process import Code, seed_all
    from exercise_code.common.probing.wire import WireError, encode

    nonce, payload = body[:NONCE_BYTES], body[NONCE_BYTES:]
    package = f"exercise_code.{spec['exercise']}"
    folder = Path(spec["workspace"], "exercise_code", spec["exercise"])
    for name in [n for n in sys.modules if n == package or n.startswith(package + ".")]:
        del sys.modules[name]
    try:
        _enter_folder(spec, count)
        stream = io.BytesIO(payload)
        seed_all(pickle.load(stream))
        call = pickle.load(stream)
        probe, inputs = call if isinstance(call, tuple) else (call, pickle.load(stream))
        value = probe(Code(package, Path(spec["workspace"], "models")), *inputs)
        kind, message = VALUE, encode(value)
    except WireError as error:
        kind, message = REFUSED, str(error).encode()
    except BaseException as error:
        try:
            kind, message = EXCEPTION, encode(describe_exception(error, folder))
        except BaseException:
            nothing = dict.fromkeys(("text", "place", "call", "probe"), "")
            kind, message = EXCEPTION, encode({"type": "Exception", **nothing})
    _send(answer, nonce, kind, message)


def _enter_folder(spec: dict[str, Any], count: int) -> None:
    """Go to an empty folder that is this probe's alone, where there is one to write to."""
    folder = spec["writable"]
    if spec["private"]:
        os.chdir(mounts.SCRATCH)
        libraries.clear(mounts.SCRATCH)
        folder = f"{mounts.SCRATCH}/work"
    if folder:
        os.chdir(folder)
        os.mkdir(str(count))
        os.chdir(str(count))


def _send(fd: int, nonce: bytes, kind: bytes, message: bytes) -> None:
    intro = nonce + kind + bytes([libraries.notes()])
    view = memoryview(HEADER.pack(INTRO_BYTES + len(message)) + intro + message)
    while view:
        view = view[os.write(fd, view) :]


def _receive(fd: int) -> bytes | None:
    head = _read_exactly(fd, HEADER.size)
    return None if head is None else _read_exactly(fd, HEADER.unpack(head)[0])


def _read_exactly(fd: int, n: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < n:
        part = os.read(fd, min(n - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)
