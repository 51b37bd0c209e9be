"""The warm worker: started by exec, it imports what an exercise needs, then only forks children and reaps them.

It computes nothing itself, because a fork after OpenMP has started threads hangs.
"""

import gc
import importlib
import json
import os
import resource
import signal
import socket
import sys
import time
from typing import Any

ALWAYS = ("cloudpickle", "numpy.random", "numpy.linalg", "exercise_code.common.testing")
# A process closes its pipes a moment before it is gone.
GONE_SECONDS = 0.2


def main() -> None:
    """Serve fork and end requests on the control socket until the judge closes it."""
    config = json.loads(sys.argv[1])
    control = socket.socket(fileno=config["control"])
    if not __debug__:
        sys.exit("Python leaves asserts out: start it without -O and without PYTHONOPTIMIZE")
    # The judge's own limit came along; children get theirs from the walls.
    memory = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    # The copy of `exercise_code` that children may read comes first; the project is needed for this package only.
    sys.path[:0] = [config["base"], config["project"]]
    sys.dont_write_bytecode = True
    walls = importlib.import_module("autograder.sandbox.walls")
    child = importlib.import_module("autograder.sandbox.child")
    for name in (*ALWAYS, *config["imports"]):
        importlib.import_module(name)
    # Seeding imports more behind the scenes (18 ms with torch): once here rather than once a child.
    importlib.import_module("exercise_code.common.testing").seed_all(0)
    found = importlib.import_module("autograder.settings").versions()
    sys.path[:] = [p for p in sys.path if p != config["project"]]
    if not config["unsafe"]:
        walls.die_with_parent()
    rules = None if config["unsafe"] else walls.build_filter(gpu=config["gpu"])
    gc.collect()
    gc.freeze()
    _reply(control, {"versions": found})
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, 65536, 2)
        if not data:
            os._exit(0)
        request = json.loads(data)
        if request["op"] == "fork":
            _fork(control, request, descriptors, config, rules, child)
        else:
            _reply(control, _end(request["pid"], patience=GONE_SECONDS if request["gone"] else 0.0))


def _fork(
    control: socket.socket,
    request: dict[str, Any],
    descriptors: list[int],
    config: dict[str, Any],
    rules: Any,
    child: Any,
) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            child.run(*descriptors, {**config, **request}, rules)
        finally:
            os._exit(1)
    for descriptor in descriptors:
        os.close(descriptor)
    _reply(control, {"pid": pid})


def _end(pid: int, patience: float) -> dict[str, Any]:
    """Kill the child if it lives; how it ended, its CPU seconds, its largest resident size in MB, and who ended it.

    `alone` says that it had ended before it was killed; a process that is ending gets `patience` seconds to do so.
    """
    end = time.monotonic() + patience
    try:
        done, status, usage = os.wait4(pid, os.WNOHANG)
        while not done and time.monotonic() < end:
            time.sleep(0.002)
            done, status, usage = os.wait4(pid, os.WNOHANG)
        if not done:
            os.kill(pid, signal.SIGKILL)
            _, status, usage = os.wait4(pid, 0)
    except ChildProcessError:
        # A child of a worker that died before this one was started: it died with it.
        return {"status": int(signal.SIGKILL), "cpu": 0.0, "memory_mb": 0.0, "alone": True}
    used = {"cpu": usage.ru_utime + usage.ru_stime, "memory_mb": usage.ru_maxrss / 1024}
    return {"status": status, "alone": bool(done), **used}


def _reply(control: socket.socket, message: dict[str, Any]) -> None:
    control.sendall(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()
