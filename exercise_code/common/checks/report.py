"""Reports of `check` and `submit`, as HTML for notebooks and as text for terminals."""

import html
import re
import sys
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..probing.cases import Outcome
from ..reasons import Reason
from .alike import alike

__all__ = ["Display", "Report", "Shown", "SyntaxFault", "escape", "page", "say", "shell"]

# JupyterLab's and VS Code's own colours, then neutral ones that can be read on white and on black.
_STYLE = """
.dlc { max-width: 56rem; font-size: var(--jp-content-font-size1, 14px); line-height: 1.5; margin: .3em 0;
  --dlc-ok: var(--jp-success-color1, var(--vscode-testing-iconPassed, #2e8b57));
  --dlc-bad: var(--jp-error-color1, var(--vscode-testing-iconFailed, #d9534f));
  --dlc-line: rgba(128,128,128,.28); --dlc-soft: rgba(128,128,128,.12); }
.dlc .dlc-head { display: flex; flex-wrap: wrap; gap: 0 .8em; align-items: baseline; padding: .2em 0 .45em; }
.dlc .dlc-name { font-weight: 600; font-size: 1.07em; overflow-wrap: anywhere; }
.dlc .dlc-dim { opacity: .72; }
.dlc .dlc-ok { color: var(--dlc-ok); } .dlc .dlc-bad { color: var(--dlc-bad); }
.dlc.dlc table.dlc-table { border-collapse: collapse; width: 100%; margin: 0; border: none;
  font-size: inherit; color: inherit; border-top: 1px solid var(--dlc-line); table-layout: auto; }
.dlc.dlc table.dlc-table tr.dlc-row { background: none; border-bottom: 1px solid var(--dlc-line); }
.dlc.dlc table.dlc-table tr.dlc-row > * { text-align: left; vertical-align: top; padding: .5em .6em;
  border: none; max-width: none; white-space: normal; line-height: 1.5; font-weight: normal;
  background: none; color: inherit; }
.dlc.dlc table.dlc-table tr.dlc-row > .dlc-state { width: 6.2em; padding-left: .1em;
  white-space: nowrap; font-weight: 600; }
.dlc.dlc table.dlc-table tr.dlc-row > .dlc-state.dlc-ok { color: var(--dlc-ok); }
.dlc.dlc table.dlc-table tr.dlc-row > .dlc-state.dlc-bad { color: var(--dlc-bad); }
.dlc.dlc table.dlc-table tr.dlc-row > .dlc-state.dlc-todo { opacity: .72; }
.dlc .dlc-reason { margin: .2em 0 0; font-weight: 600; }
.dlc .dlc-facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .2em .8em;
  margin: .45em 0 .1em; align-items: baseline; }
.dlc .dlc-key { opacity: .72; font-size: .93em; }
.dlc.dlc code, .dlc.dlc pre { font-size: .93em;
  font-family: var(--jp-code-font-family, ui-monospace, Menlo, Consolas, monospace);
  color: inherit; background: var(--dlc-soft); border-radius: 3px; padding: .05em .35em;
  white-space: pre-wrap; overflow-wrap: anywhere; border: none; }
.dlc.dlc .dlc-facts code { display: block; width: fit-content; max-width: 100%; box-sizing: border-box; }
.dlc.dlc pre { padding: .5em .7em; margin: .4em 0; line-height: 1.4; max-height: 20em; overflow: auto; }
.dlc .dlc-note { border-left: 3px solid var(--dlc-line); padding: .1em .7em; margin: .6em 0; }
.dlc .dlc-note.dlc-warn { border-left-color: var(--dlc-bad); }
.dlc .dlc-foot { margin: .55em 0 .1em; } .dlc.dlc td.dlc-size { text-align: right; white-space: nowrap; }
.dlc details { margin: .5em 0 0; } .dlc td details { margin: 0; } .dlc summary { cursor: pointer; opacity: .85; }
.dlc progress { width: 14em; max-width: 60%; vertical-align: middle; }
"""
_HIDDEN = "The grader also runs hidden checks."


@dataclass(frozen=True)
class SyntaxFault:
    """A place where Python cannot read a student's file; `column` counts from 1."""

    file: str
    line: int
    column: int
    text: str
    message: str

    def lines(self) -> list[str]:
        """What is wrong, the line, and a caret below the place."""
        head = f"{self.file}, line {self.line}: {self.message}" if self.line else f"{self.file}: {self.message}"
        text = self.text.rstrip().expandtabs(1)
        if not text.strip():
            return [head]
        bare = text.lstrip()
        caret = min(max(self.column - 1 - (len(text) - len(bare)), 0), len(bare))
        return [head, f"    {bare}", f"    {' ' * caret}^"]


class Shown:
    """A report that is shown once in its cell, though the cell may also end with it."""

    _shown: list[Any]

    def _ipython_display_(self) -> None:
        if self._shown != [_cell_number()]:
            say(self)


@dataclass(frozen=True)
class Report(Shown):
    """What `check` found; it shows itself in a notebook and in a terminal."""

    exercise_id: str
    grade_id: str
    outcomes: tuple[Outcome, ...]
    printed: str = ""
    faults: tuple[SyntaxFault, ...] = ()
    notes: tuple[str, ...] = ()
    _shown: list[Any] = field(default_factory=list, repr=False, compare=False)

    @property
    def passed(self) -> bool:
        """True when every visible check passes."""
        return bool(self.outcomes) and all(outcome.passed for outcome in self.outcomes)

    @property
    def summary(self) -> str:
        """How many visible checks pass, in one line."""
        return f"{count(self.outcomes)}. {_HIDDEN}"

    def __repr__(self) -> str:
        lines = [f"{self.grade_id} ({self.exercise_id})"]
        for fault in self.faults:
            lines += ["  Python cannot read your file:", *(f"  {line}" for line in fault.lines())]
        lines += outcome_lines(self.outcomes, told=bool(self.faults))
        if self.printed:
            lines += ["  printed by your code:", *(f"    {line}" for line in self.printed.splitlines())]
        lines += [f"  note: {note}" for note in self._all_notes()]
        return "\n".join([*lines, self.summary])

    def _all_notes(self) -> list[str]:
        places = dict.fromkeys(o.got.partition(": ")[0] for o in self.outcomes if is_todo(o) and o.got)
        written = [f"still to be written: {place}" for place in places]
        return [*written, *self.notes]

    def _repr_html_(self) -> str:
        tone = "dlc-ok" if self.passed else "dlc-dim"
        parts = [
            f'<div class="dlc-head"><span class="dlc-name">{escape(self.grade_id)}</span> '
            f'<span class="{tone}">{escape(count(self.outcomes))}.</span> '
            f'<span class="dlc-dim">{_HIDDEN}</span></div>'
        ]
        for fault in self.faults:
            text = escape("\n".join(fault.lines()), marks=False)
            parts.append(f'<div class="dlc-note dlc-warn">Python cannot read your file:<pre>{text}</pre></div>')
        parts.append(outcome_table(self.outcomes, told=bool(self.faults)))
        if self.printed:
            number = len(self.printed.splitlines())
            parts.append(
                f"<details><summary>Printed by your code ({number} line{'s' * (number > 1)})</summary>"
                f"<pre>{escape(self.printed, marks=False)}</pre></details>"
            )
        parts += [f'<div class="dlc-note">{escape(_sentence(note))}</div>' for note in self._all_notes()]
        return page(parts)


def count(outcomes: Iterable[Outcome]) -> str:
    """`4 of 5 visible checks pass`, in words that suit the numbers."""
    visible = [outcome for outcome in outcomes if outcome.visible]
    passed = sum(outcome.passed for outcome in visible)
    if len(visible) > 1 and passed == len(visible):
        return f"All {passed} visible checks pass"
    if len(visible) == 1:
        return f"The visible check {'passes' if passed else 'does not pass yet'}"
    return f"{passed} of {len(visible)} visible checks pass"


def is_todo(outcome: Outcome) -> bool:
    """True for a test that met a part of the stub that is still to be written."""
    return outcome.code is Reason.NOT_WRITTEN


def _facts(outcome: Outcome) -> list[tuple[str, str]]:
    place = "where" if outcome.kind == "exception" else "got"
    facts = [("call", outcome.made_call), ("want", outcome.want), (place, outcome.got), ("hint", outcome.hint)]
    return [(key, value) for key, value in facts if value]


def _unreadable(outcome: Outcome) -> bool:
    return outcome.code is Reason.UNREADABLE and outcome.exception_type not in ("ImportError", "ModuleNotFoundError")


def _rows(outcomes: Iterable[Outcome], told: bool) -> list[list[Outcome]]:
    """The outcomes row by row: failed ones that say the same are one row, in the place of the first."""
    rows: list[list[Outcome]] = []
    failed = [o for o in outcomes if not (o.passed or is_todo(o) or (told and _unreadable(o)))]
    groups = {id(group[0]): group for group in alike(failed)}
    members = {id(o) for o in failed}
    for outcome in outcomes:
        if id(outcome) not in members:
            rows.append([outcome])
        elif id(outcome) in groups:
            rows.append(groups[id(outcome)])
    return rows


def outcome_lines(outcomes: Iterable[Outcome], told: bool = False) -> list[str]:
    """The outcomes as lines of text; with `told`, a syntax error has been shown and is not repeated."""
    lines = []
    for row in _rows(list(outcomes), told):
        outcome = row[0]
        unread = told and _unreadable(outcome)
        state = "not run" if unread else "passed" if outcome.passed else "to do " if is_todo(outcome) else "FAILED"
        lines += [f"  [{state}] {each.title}" for each in row]
        if outcome.passed or is_todo(outcome) or unread:
            continue
        # The lines above it have no reason of their own.
        whose = {1: "", 2: "both: "}.get(len(row), f"all {len(row)}: ")
        lines.append(f"           {whose}{outcome.reason}")
        lines += [f"           {key + ':':<6} {value}" for key, value in _facts(outcome)]
    return lines


def outcome_table(outcomes: Iterable[Outcome], told: bool = False) -> str:
    """The outcomes as an HTML table of states and what is expected."""
    rows = []
    for row in _rows(list(outcomes), told):
        outcome = row[0]
        many = f"{len(row)} " if len(row) > 1 else ""
        tone, state = ("ok", "✓ passed") if outcome.passed else ("bad", f"✗ {many}failed")
        unread = told and _unreadable(outcome)
        if unread or is_todo(outcome):
            tone, state = "todo", "○ not run" if unread else "○ to do"
        body = "".join(f"<div>{escape(each.title)}</div>" for each in row) if len(row) > 1 else escape(outcome.title)
        if not (outcome.passed or unread or is_todo(outcome)):
            body += f'<div class="dlc-reason">{escape(_sentence(outcome.reason))}</div>'
            facts = "".join(
                f'<span class="dlc-key">{key}</span> <span>{_fact(key, value)}</span>' for key, value in _facts(outcome)
            )
            body += f'<div class="dlc-facts">{facts}</div>' if facts else ""
        rows.append(f'<tr class="dlc-row"><td class="dlc-state dlc-{tone}">{state}</td><td>{body}</td></tr>')
    return f'<table class="dlc-table"><tbody>{"".join(rows)}</tbody></table>'


def _fact(key: str, value: str) -> str:
    return escape(value) if key == "hint" else f"<code>{escape(value, marks=False)}</code>"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def escape(text: str, marks: bool = True) -> str:
    """The text for HTML; with `marks`, what stands between backticks is set as code."""
    safe = html.escape(text)
    # MathJax looks at every output: a dollar sign in a student's value is no formula.
    safe = safe.replace("$", "<span>$</span>")
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", safe) if marks else safe


def page(parts: Iterable[str]) -> str:
    """A report's HTML with its style; it brings no script and no outside file."""
    return f'<div class="dlc"><style>{_STYLE}</style>{"".join(parts)}</div>'


def shell() -> Any:
    """The running IPython shell, None elsewhere."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def _cell_number() -> Any:
    return getattr(shell(), "execution_count", None)


def say(report: Any) -> None:
    """Show a report: in the notebook as HTML, elsewhere as text."""
    Display().finish(report)


class Display:
    """One place on the page: progress first, where there is a title for it, then the report."""

    def __init__(self, title: str = "") -> None:
        self.title, self.total = title, 0
        self._id = f"dlc-{uuid.uuid4().hex}" if title and shell() is not None else ""
        self._begun = False

    def step(self, done: int) -> None:
        """Show that so many of `total` are done."""
        text = f"{self.title}: {done} of {self.total}"
        if shell() is not None:
            bar = f'<progress value="{done}" max="{self.total}"></progress> {escape(text)}'
            self._publish(page([bar]), text)
        elif sys.stderr.isatty():
            print(f"\r{text}", end="", file=sys.stderr, flush=True)
            self._begun = True

    def finish(self, report: Any) -> None:
        """Put the report in the progress's place."""
        if shell() is not None:
            self._publish(report._repr_html_(), repr(report))
            report._shown[:] = [_cell_number()]
            return
        if self._begun:
            print(file=sys.stderr)
        # Python's own prompt shows what a call returns, a script shows nothing by itself.
        if not hasattr(sys, "ps1"):
            encoding = sys.stdout.encoding or "utf-8"
            print(repr(report).encode(encoding, "replace").decode(encoding))

    def _publish(self, html_text: str, plain: str) -> None:
        from IPython.display import publish_display_data

        options: dict[str, Any] = {"transient": {"display_id": self._id}} if self._id else {}
        data = {"text/html": html_text, "text/plain": plain}
        publish_display_data(data, update=self._begun, **options)  # type: ignore[no-untyped-call]
        self._begun = bool(self._id)
