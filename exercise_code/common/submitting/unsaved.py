"""Whether the running notebook has changes that its file lacks, as far as a kernel can know.

A kernel sees the cells that are run and the time when the file was written. It does not see what is typed into a
Markdown cell, so an older file with all cells in it is told as what it is: older.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..checks.report import shell
from .notebooks import cells_of

__all__ = ["saved_at", "unsaved", "watch_cells"]


@dataclass(frozen=True)
class _Run:
    at: float
    cell_id: str
    source: str


class _Watch:
    """Remembers which cells were run, and when."""

    def __init__(self) -> None:
        self.runs: list[_Run] = []

    def remember(self, info: Any) -> None:
        """Note a cell that is about to run; what a console or a tool runs has no id."""
        cell_id = getattr(info, "cell_id", None)
        if cell_id and getattr(info, "store_history", True):
            self.runs.append(_Run(time.time(), str(cell_id), str(info.raw_cell)))


def watch_cells() -> None:
    """Remember from now on which cells are run; once is enough."""
    running = shell()
    if running is not None and _watch(running) is None:
        running.events.register("pre_run_cell", _Watch().remember)


def _watch(running: Any) -> Any:
    """The watch of this shell, also when this module was loaded anew since."""
    callbacks = getattr(getattr(running, "events", None), "callbacks", {}).get("pre_run_cell", ())
    owners = [getattr(callback, "__self__", None) for callback in callbacks]
    return next((owner for owner in owners if type(owner).__name__ == _Watch.__name__), None)


def unsaved(notebook: Path) -> Iterator[str]:
    """A warning when the notebook's file is certainly, or possibly, older than what is in the browser."""
    running = shell()
    history = getattr(running, "user_ns", {}).get("In") or [""]
    watch = _watch(running)
    saved = notebook.stat().st_mtime
    since = [run for run in (watch.runs if watch else ()) if run.at > saved]
    current = str(history[-1]).strip()
    earlier = [run for run in since if run.source.strip() != current]
    sources = {text.strip() for _, text, _ in cells_of(notebook)}
    # Of each cell what was run last.
    ran = {*{run.cell_id: run.source.strip() for run in since}.values(), current} - {""}
    if ran - sources:
        yield f"{notebook.name} has changes that are not saved: save it (Ctrl+S), then submit again"
    elif earlier:
        yield (
            f"{notebook.name} was last saved at {saved_at(notebook)}, before you ran its last cells: if you typed an "
            f"answer since then, save it (Ctrl+S) and submit again"
        )


def saved_at(path: Path) -> str:
    """The time of day when the file was written, in local time."""
    return time.strftime("%H:%M", time.localtime(path.stat().st_mtime))
