"""What `submit` shows: is everything there, what do the checks say, what is inside."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..checks.report import Shown, count, escape, outcome_lines, outcome_table, page
from ..hand_ins.hand_in import HandIn
from ..probing.cases import Outcome
from .collection import size_text
from .points import Standing

__all__ = ["SubmitReport"]


@dataclass(frozen=True)
class SubmitReport(Shown):
    """What `submit` wrote and found; it shows itself in a notebook and in a terminal.

    `missing` names files and answers that the exercise asks for, `problems` what costs points if it stays, `left_out`
    what the student has and the hand-in has not, `warnings` what is good to know.
    """

    path: Path
    handin: HandIn
    outcomes: tuple[Outcome, ...]
    standing: Standing
    missing: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    size: int = 0
    on_hub: bool = False
    _shown: list[Any] = field(default_factory=list, repr=False, compare=False)

    @property
    def complete(self) -> bool:
        """True when no file and no answer that the exercise asks for is missing or was left out."""
        return not self.missing and not self.problems

    @property
    def passed(self) -> bool:
        """True when every visible check passes on the unpacked zip."""
        return all(outcome.passed for outcome in self.outcomes)

    @property
    def _headline(self) -> str:
        if not self.complete:
            return f"{self.path.name} is written ({size_text(self.size)}), but not complete"
        if not self.passed:
            failed = sum(not outcome.passed for outcome in self.outcomes)
            checks = f"{failed} visible checks do" if failed > 1 else "1 visible check does"
            return f"{self.path.name} is written ({size_text(self.size)}), but {checks} not pass"
        return f"{self.path.name} is complete ({size_text(self.size)})"

    def _facts(self) -> list[tuple[str, str]]:
        """What the hand-in stands at, as names and texts."""
        standing, facts = self.standing, []
        if self.outcomes:
            facts.append(("checks", f"{count(self.outcomes)} on the unpacked zip"))
        if standing.cells and self.outcomes:
            points = f"{_number(standing.earned)} of {_number(standing.most)}"
            facts.append(("points for checks", f"{points}, as far as visible checks can tell; hidden ones count too"))
        if standing.written:
            there = len(standing.written) - len(standing.open)
            points = _number(sum(cell.points for cell in standing.written))
            answers = f"{there} of {len(standing.written)} there"
            facts.append(("written answers", f"{answers}; a person gives up to {points} points for them"))
        if standing.cells or standing.written:
            total = standing.most + sum(cell.points for cell in standing.written)
            facts.append(("to pass", f"{_number(standing.pass_points)} of {_number(total)} points"))
        return facts

    def _ending(self) -> str:
        if self.on_hub:
            return (
                "On this hub you hand in with the menu Nbgrader › Assignment List › Submit, which takes this folder as "
                "it is saved; the zip is for courses that ask for a file:"
            )
        return "Hand in this file:"

    def _groups(self) -> dict[str, list[Outcome]]:
        groups: dict[str, list[Outcome]] = {}
        for outcome in self.outcomes:
            groups.setdefault(outcome.grade_id, []).append(outcome)
        return groups

    def _notes(self) -> Iterable[tuple[str, tuple[str, ...], str]]:
        yield "missing", self.missing, "dlc-note dlc-warn"
        yield "problem", self.problems, "dlc-note dlc-warn"
        yield "left out", self.left_out, "dlc-note"
        yield "note", self.warnings, "dlc-note"

    def __repr__(self) -> str:
        lines = [self._headline]
        lines += [f"  {name}: {text}" for name, text in self._facts()]
        lines += [f"  {title}: {text}" for title, texts, _ in self._notes() for text in texts]
        for name, outcomes in self._groups().items():
            lines.append(f"  {name}: {count(outcomes)}{self._points(name)}")
            lines += [f"  {line}" for line in outcome_lines([o for o in outcomes if not o.passed])]
        lines.append("  inside:")
        lines += [f"    {size_text(size):>8}  {name}" for name, size in self.handin.sizes.items()]
        return "\n".join([*lines, f"{self._ending()} {self.path}"])

    def _points(self, name: str) -> str:
        if name not in self.standing.cells:
            return ""
        earned, most = self.standing.cells[name]
        return f" ({_number(earned)} of {_number(most)} points)"

    def _repr_html_(self) -> str:
        good = self.complete and self.passed
        tone, icon = ("dlc-ok", "✓") if good else ("dlc-bad", "✗")
        parts = [
            f'<div class="dlc-head"><span class="dlc-name"><span class="{tone}">{icon}</span> '
            f"{escape(self._headline)}</span></div>"
        ]
        facts = "".join(
            f'<span class="dlc-key">{escape(name)}</span><span>{escape(text)}</span>' for name, text in self._facts()
        )
        parts.append(f'<div class="dlc-facts">{facts}</div>' if facts else "")
        for title, texts, style in self._notes():
            if texts:
                items = "".join(f"<div>{escape(text)}</div>" for text in texts)
                parts.append(f'<div class="{style}"><b>{escape(title.capitalize())}</b>{items}</div>')
        rows = [self._row(name, outcomes) for name, outcomes in self._groups().items()]
        parts.append(f'<table class="dlc-table"><tbody>{"".join(rows)}</tbody></table>')
        files = "".join(
            f'<tr class="dlc-row"><td class="dlc-dim">{size_text(size)}</td><td>{escape(name, marks=False)}</td></tr>'
            for name, size in self.handin.sizes.items()
        )
        number = len(self.handin.sizes)
        parts.append(
            f"<details><summary>{number} file{'s' * (number != 1)} inside</summary>"
            f'<table class="dlc-table"><tbody>{files}</tbody></table></details>'
        )
        path = escape(str(self.path), marks=False)
        parts.append(f'<div class="dlc-foot">{escape(self._ending())} <code>{path}</code></div>')
        return page(parts)

    def _row(self, name: str, outcomes: list[Outcome]) -> str:
        good = all(outcome.passed for outcome in outcomes)
        tone, state = ("ok", "✓ passed") if good else ("bad", "✗ failed")
        body = f"<code>{escape(name, marks=False)}</code> {escape(count(outcomes) + self._points(name))}"
        if not good:
            failed = outcome_table([outcome for outcome in outcomes if not outcome.passed])
            body = f"<details><summary>{body}</summary>{failed}</details>"
        return f'<tr class="dlc-row"><td class="dlc-state dlc-{tone}">{state}</td><td>{body}</td></tr>'


def _number(value: float) -> str:
    """A number of points, with one digit after the point where it needs one, never rounded up."""
    return f"{int(value * 10 + 1e-6) / 10:g}"
