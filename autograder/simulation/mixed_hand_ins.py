"""Forty hand-ins of one exercise of every kind: right, wrong, with imports, hostile, and without an end."""

from collections.abc import Collection
from pathlib import Path

from ..judging.job import Job
from ..sources.exercise import sources
from ..sources.known_answers import apply, wrong_answers
from ..sources.variants import reference, untouched

__all__ = ["DISK", "HOSTILE", "IMPORTS", "LOOPS", "make_mixed"]

# What is imported beside what the exercise asks for; each leaves the code as right as it was.
IMPORTS = {
    "matplotlib": "import matplotlib.pyplot",
    "torch": "import torch",
    "torch_data": "from torch.utils.data import Dataset as TorchDataset",
    "torchvision": "import torchvision",
    "plotting": "from exercise_code.common.plotting import show_images",
    "temporary_folder": "import tempfile\nPLACE = tempfile.mkdtemp()",
    "temporary_file": "import tempfile\nwith tempfile.TemporaryFile() as _file:\n    _file.write(bytes(1000))",
    "home": "import pathlib\ntry:\n    HOME = pathlib.Path.home()\nexcept RuntimeError:\n    HOME = None",
    "lock": "import threading\nLOCK = threading.Lock()",
    "processes": "import multiprocessing",
}
LOOPS = {
    "loop_at_import": "while True:\n    pass",
    "sleep_at_import": "import time\ntime.sleep(10_000)",
    "loop_in_a_thread": (
        "import threading\ndef _spin():\n    while True:\n        pass\n"
        "threading.Thread(target=_spin, daemon=True).start()"
    ),
}
HOSTILE = {
    "disk": "import os\nn = 0\nwhile True:\n    n += 1\n    open(f'{n}', 'wb').write(bytes(2**20))",
    "open_files": (
        "import os\nwhile True:\n    fd = os.open('x', os.O_RDWR | os.O_CREAT)\n    os.posix_fallocate(fd, 0, 2**24)\n"
        "    os.unlink('x')"
    ),
    "memory": "held = []\nwhile True:\n    held.append(bytearray(2**26))",
    "many_threads": (
        "import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=(999,), daemon=True).start()"
    ),
    "crash": "import ctypes\nctypes.string_at(1)",
    "exit": "import os\nos._exit(0)",
    "writes_home": "import os\ntry:\n    os.makedirs('/nonexistent/.config/matplotlib')\nexcept OSError:\n    pass",
    "forks": "import os\ntry:\n    os.fork()\nexcept OSError:\n    pass",
    "changes_time": "import os\ntry:\n    os.utime(os.__file__)\nexcept OSError:\n    pass",
}
DISK = ("disk", "open_files")


def make_mixed(exercise: str, folder: Path, kinds: Collection[str] = (), wrong: int = 16) -> list[Job]:
    """Hand-ins in `folder`, each named after what it is: all kinds, or these, and so many known wrong answers."""
    source = sources(exercise)
    solved = reference(source, folder / "solved")
    jobs = [Job("solved", solved), Job("untouched", untouched(source, folder / "untouched"))]
    for name, code in (IMPORTS | LOOPS | HOSTILE).items():
        if kinds and name not in kinds:
            continue
        path = reference(source, folder / name)
        modules = [path / "exercise_code" / source.id / module for module in source.twins]
        # An import in every module costs nothing; harm in one of them must leave the other's points. Whoever fills the
        # disk does it where tests read and write files.
        chosen = modules if name in IMPORTS else modules[-1:] if name in DISK else modules[:1]
        for module in chosen:
            module.write_text(f"{module.read_text(encoding='utf-8')}\n\n{code}\n", encoding="utf-8")
        jobs.append(Job(name, path))
    for answer in wrong_answers(source)[:wrong]:
        jobs.append(Job(f"wrong_{answer.name}", apply(answer, folder / f"wrong_{answer.name}", source)))
    return jobs
