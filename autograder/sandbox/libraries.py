"""What libraries need in order to be imported, and to work, where there are no processes, sockets or homes."""

import functools
import importlib
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["FOLDERS", "NOTES", "clear", "notes", "quieten", "variables", "warm_up"]

# Folders in a child's scratch folder, made before and emptied between probes.
FOLDERS = ("home", "tmp", "shm", "work")
# What a child may say of itself beside an answer; a bit for each, since whatever a child says it may make up.
NOTES = (
    "a DataLoader with workers ran without them: the grader's sandbox starts no processes",
    "torch.compile left code as it is: the grader's sandbox has no compiler",
)
_noted = 0


def notes() -> int:
    """The bits of `NOTES` that came true in this process."""
    return _noted


def variables(folder: str) -> dict[str, str]:
    """The environment that keeps home, temporary files and caches below `folder`."""
    home = f"{folder}/home"
    return {
        "HOME": home,
        "USER": "student",
        "LOGNAME": "student",
        "TMPDIR": f"{folder}/tmp",
        "XDG_CACHE_HOME": f"{home}/.cache",
        "XDG_CONFIG_HOME": f"{home}/.config",
        "XDG_DATA_HOME": f"{home}/.local/share",
        "MPLCONFIGDIR": f"{home}/.config/matplotlib",
        "IPYTHONDIR": f"{home}/.ipython",
        "JUPYTER_PLATFORM_DIRS": "1",
        "TORCH_HOME": f"{home}/.cache/torch",
        "TORCHINDUCTOR_CACHE_DIR": f"{home}/.cache/inductor",
        "TRITON_CACHE_DIR": f"{home}/.cache/triton",
        "DATASETS_DIR": f"{home}/datasets",
    }


def warm_up(names: Iterable[str]) -> None:
    """Import `names`, and what they import only when they are first used."""
    for name in names:
        importlib.import_module(name)
    if "torch" in sys.modules:
        _warm_torch(sys.modules["torch"])
    if "matplotlib.pyplot" in sys.modules:
        _warm_pyplot(sys.modules["matplotlib.pyplot"])


def _warm_torch(torch: Any) -> None:
    # The first optimizer imports a compiler, for seconds. On one number: no thread is started by that. CUDA refuses a
    # process whose parent has as much as counted GPUs, and with GPUs a backward pass starts threads: neither here.
    parameter = torch.nn.Parameter(torch.zeros(1))
    parameter.grad = torch.zeros(1)
    optimizer = torch.optim.Adam([parameter])
    is_available, torch.cuda.is_available = torch.cuda.is_available, lambda: False
    try:
        optimizer.step()
    finally:
        torch.cuda.is_available = is_available
    torch.compile = _uncompiled
    loader = importlib.import_module("torch.utils.data").DataLoader
    loader._get_iterator = _without_workers(loader._get_iterator)


def _warm_pyplot(pyplot: Any) -> None:
    # Fonts are looked up when the first text is drawn.
    figure = pyplot.figure(figsize=(1, 1))
    figure.text(0, 0, "x")
    figure.canvas.draw()
    pyplot.close(figure)


def _uncompiled(model: Any = None, **_: Any) -> Any:
    """What stands in for `torch.compile`: the same answers, at the usual speed."""
    global _noted
    _noted |= 2
    return (lambda function: function) if model is None else model


def _without_workers(get_iterator: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @functools.wraps(get_iterator)
    def alone(loader: Any) -> Any:
        global _noted
        if loader.num_workers == 0:
            return get_iterator(loader)
        _noted |= 1
        state = vars(loader)
        state["persistent_workers"] = False
        kept = {name: state[name] for name in ("num_workers", "timeout", "prefetch_factor")}
        state.update(num_workers=0, timeout=0, prefetch_factor=None)
        try:
            return get_iterator(loader)
        finally:
            state.update(kept)

    return alone


def quieten() -> None:
    """In a child: one thread unless the code asks for more, and full float32."""
    if "torch" not in sys.modules:
        return
    torch: Any = sys.modules["torch"]
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    # It may be set once a process, and was just now; the student's own call need not fail for that.
    torch.set_num_interop_threads = lambda _threads: None
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def clear(folder: str) -> None:
    """Empty the scratch folder's folders; what cannot be removed stays, at its owner's cost."""
    for name in FOLDERS:
        with os.scandir(f"{folder}/{name}") as entries:
            for entry in list(entries):
                if entry.is_dir(follow_symlinks=False):
                    try:
                        os.rmdir(entry.path)
                    except OSError:
                        shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    os.unlink(entry.path)
