"""The one progress bar of long work: what is done, of how much, for how long, and how long it may still take."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

__all__ = ["progress_bar"]


def progress_bar(console: Console, *more: ProgressColumn, transient: bool = False) -> Progress:
    """A bar on the console, to be used as a context; `more` are columns of one's own behind the others."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, *more, console=console, transient=transient)
