"""nbgrader's exchange on its way back: feedback goes to those who submitted there, and to nobody else."""

from glob import escape, glob
from pathlib import Path

from nbgrader.exchange.default import ExchangeReleaseFeedback

from .prepare import SECRET, TIMESTAMP

__all__ = ["ReleaseFeedback"]


class ReleaseFeedback(ExchangeReleaseFeedback):  # type: ignore[misc]
    """Releases the pages of each student whose hand-in came through the exchange, and names the others.

    nbgrader's own ends at the first student without a secret: at a zip that came by mail the class would stay without
    feedback.
    """

    src_path: str

    def copy_files(self) -> None:
        """Copy each student's pages to where only the holder of the hand-in's secret finds them."""
        every = self.src_path
        left: list[str] = []
        for folder in sorted(map(Path, glob(every))):  # noqa: PTH207 - the pattern is nbgrader's
            if all(_is_text(folder / name) for name in (SECRET, TIMESTAMP)):
                self.src_path = escape(str(folder))
                super().copy_files()
            else:
                left.append(folder.parent.name)
        self.src_path = every
        if left:
            self.log.warning(
                "no feedback went out to %s: what was graded did not come through the exchange. If it did, run "
                "`nbgrader generate_feedback %s --force` first; else send the pages another way",
                ", ".join(left),
                self.coursedir.assignment_id,
            )


def _is_text(path: Path) -> bool:
    try:
        return bool(path.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError):
        return False
