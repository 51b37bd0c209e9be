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
    libraries = importlib.import_module("autograder.sandbox.libraries")
    found = importlib.import_module("autograder.base.settings").versions()
    # libseccomp is found by programs that have no place in the new root.
    rules = None if config["unsafe"] else walls.build_filter(gpu=config["gpu"])
    config["private"], why_not = _enter_root(config, libraries)
    libraries.warm_up([*ALWAYS, *config["imports"]])
    # Seeding imports more behind the scenes (18 ms with torch): once here rather than once a child.
    importlib.import_module("exercise_code.common.probing.in_process").seed_all(0)
    sys.path[:] = [p for p in sys.path if p != config["project"]]
    if not config["unsafe"]:
        walls.die_with_parent()
    gc.collect()
    gc.freeze()
    _reply(control, {"versions": found, "private": config["private"], "why_not": why_not})
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, 65536, 2)
        if not data:
            os._exit(0)
        request = json.loads(data)
        if request["op"] == "fork":
            _fork(control, request, descriptors, config, rules, child)
        else:
            _reply(control, _end(request["pid"], patience=GONE_SECONDS if request["gone"] else 0.0))


def _enter_root(config: dict[str, Any], libraries: Any) -> tuple[bool, str]:
    """Whether this process is in a root of its own now, else why not; its environment fits to that."""
    mounts = importlib.import_module("autograder.sandbox.mounts")
    why_not = "it was not asked for"
    if config["private"]:
        what = (config["readable"], config["devices"], config["home"])
        # While there is one thread and nothing is imported: a namespace of users is only then to be had.
        why_not = mounts.why_not(*what)
        if not why_not:
            mounts.enter_root(*what)
    folder = config["home"] if why_not else mounts.SCRATCH
    if why_not:
        # Libraries find their caches there, as they were prepared by the imports of this process.
        config["readable"].append(folder)
    for name in libraries.FOLDERS:
        os.mkdir(f"{folder}/{name}")
    os.environ.update(libraries.variables(folder))
    return not why_not, why_not


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
