"""Code as it would read without its author's choices: no layout, comments, docstrings or names of one's own.

Written for texts that nobody vouches for: one linear pass of a regular expression, no parser, no recursion, and an
answer for code that is broken.
"""

import builtins
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

__all__ = ["Line", "Source", "Vocabulary", "decode", "is_cut", "limited_tokens", "read_source", "vocabulary_of"]

# A long hand-in has 3,000 tokens; a hostile one, 256 KB of brackets.
MAX_TOKENS = 30_000
OWN = "_"

_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\f\v\u00a0\ufeff]++|\\\r?\n)
    | (?P<name>[^\W\d]\w*+)(?!['"])
    | (?P<newline>\r\n?|\n)
    | (?P<comment>\#[^\r\n]*+)
    | (?P<string>[rbuftRBUFT]{0,2}(?:
          \"\"\"(?:[^"\\]++|\\.|"(?!""))*+(?:\"\"\"|\Z)
        | \'\'\'(?:[^'\\]++|\\.|'(?!''))*+(?:\'\'\'|\Z)
        | "(?:[^"\\\n]++|\\.)*+(?:"|(?=\n)|\Z)
        | '(?:[^'\\\n]++|\\.)*+(?:'|(?=\n)|\Z)))
    | (?P<number>0[xXbBoO][\da-fA-F_]++|(?:\d[\d_]*+(?:\.[\d_]*+)?+|\.\d[\d_]*+)(?:[eE][+-]?\d[\d_]*+)?+[jJ]?)
    | (?P<word>[^\W\d]\w*+)
    | (?P<op>\*\*=|//=|>>=|<<=|\.\.\.|\*\*|//|>>|<<|->|:=|[!=<>+\-*/%@&|^]=|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")
_CLAUSES = frozenset({"if", "elif", "else", "for", "while", "try", "except", "finally", "with"})
_COMPOUND = _CLAUSES | {"def", "class", "async"}
# None of them can stand in brackets: what opened before, in broken code, ends here.
_STATEMENTS = frozenset({"def", "class", "return", "raise", "import", "while", "with", "try", "pass", "break"})
_KEYWORDS = frozenset(keyword.kwlist)
_BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True)
class Line:
    """A statement: the number of its first line in the file (from 1), of its last, and its normalised tokens."""

    number: int
    last: int
    tokens: tuple[str, ...]

    @property
    def head(self) -> bool:
        """True for lines that name a function or class, or import: they say little of how somebody writes."""
        return self.tokens[0] in ("def", "class", "import", "from", "@", "async")


@dataclass(frozen=True)
class Source:
    """A module as its author wrote it: statements, comments of three words or more, names of four letters or more."""

    lines: list[Line]
    comments: set[str]
    names: set[str]


@dataclass(frozen=True)
class Vocabulary:
    """Names that a module's students did not choose: of the module's top level, and of attributes."""

    names: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()


@dataclass
class _Statement:
    """A statement as it is written: kind, text and depth in brackets of each token; `outer` is not indented."""

    first: int = 0
    last: int = 0
    outer: bool = False
    kinds: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)


def decode(data: bytes) -> str:
    """A module's text, whatever its bytes are."""
    return data.decode("utf-8", errors="replace").removeprefix("\ufeff")


def read_source(text: str, known: Vocabulary) -> Source:
    """A module's statements in normal form (docstrings left out), comments and names.

    Names become `_` unless they are keywords, builtins, imported or in `known`; numbers and strings lose their
    spelling, annotations of variables and brackets that only group go. Code past the first 30,000 tokens is left out.
    """
    comments: set[str] = set()
    statements = list(_statements(text, comments))
    imported = _imported(statements)
    keep = known.names | imported | _BUILTINS | _KEYWORDS
    own = _defined(statements) - known.attributes
    names: set[str] = set()
    lines = []
    for statement in statements:
        if tokens := _normal(statement, keep, own, names):
            lines.append(Line(statement.first, statement.last, tokens))
    chosen = {name for name in names if len(name) >= 4 and name not in known.attributes}
    return Source(lines, comments, chosen)


def is_cut(text: str) -> bool:
    """True when `read_source` leaves out the end of this text."""
    return len(text) >= MAX_TOKENS and sum(match.lastgroup != "space" for match in limited_tokens(text)) >= MAX_TOKENS


def vocabulary_of(*texts: str) -> Vocabulary:
    """The names that given modules, a stub say, bring along; parameters count as attributes."""
    names: set[str] = set()
    attributes: set[str] = set()
    for text in texts:
        statements = list(_statements(text))
        names |= _imported(statements)
        for s in statements:
            pairs = list(zip(s.kinds, s.texts, strict=True))
            if s.texts[0] in ("def", "class"):
                names.update(s.texts[1:2] if s.outer else [])
                attributes.update(name for kind, name in pairs if kind == "name")
            elif s.outer and s.kinds[0] == "name" and s.texts[1:2] in (["="], [":"]):
                names.add(s.texts[0])
            attributes.update(name for before, (_, name) in zip(s.texts, pairs[1:], strict=False) if before == ".")
    return Vocabulary(frozenset(names), frozenset(attributes))


def limited_tokens(text: str) -> Iterator[re.Match[str]]:
    """The first 30,000 tokens of a text, each a match that is named after its kind."""
    count = 0
    # A string takes all that is left, if need be: one without an end would be tried again at every quote.
    # A lone backslash at the end needs something to escape.
    for match in _TOKEN.finditer(text + "\n"):
        yield match
        count += match.lastgroup != "space"
        if count >= MAX_TOKENS:
            return


def _statements(text: str, comments: set[str] | None = None) -> Iterator[_Statement]:
    current = _Statement()
    depth, number, fresh, indented, compound = 0, 1, True, False, False
    for match in limited_tokens(text):
        kind, token = str(match.lastgroup), match.group()
        if kind in ("space", "comment"):
            number += token.count("\n")
            indented = indented or fresh
            if kind == "comment" and comments is not None:
                words = token.strip("# \t").lower().split()
                if len(words) >= 3:
                    comments.add(" ".join(words)[:500])
            continue
        if kind == "word":
            kind = "name"
        ends = kind == "newline" or token == ";"
        lost = fresh and depth > 0 and token in _STATEMENTS
        if current.texts and ((ends and depth == 0) or lost):
            yield current
            current = _Statement()
        if lost:
            depth = 0
        if kind == "newline":
            number += 1
            fresh, indented = True, False
            continue
        fresh = False
        if ends and depth == 0:
            continue
        if token in _CLOSE:
            depth = max(0, depth - 1)
        if not current.texts:
            current.first, current.outer, compound = number, not indented, token in _COMPOUND
        current.kinds.append(kind)
        current.texts.append(token)
        current.depths.append(depth)
        number += token.count("\n")
        current.last = number
        if token in _OPEN:
            depth += 1
        compound = compound and token != "lambda"
        if token == ":" and compound and depth == 0:
            yield current
            current = _Statement()
    if current.texts:
        yield current


def _imported(statements: list[_Statement]) -> frozenset[str]:
    found: set[str] = set()
    for s in statements:
        if s.texts[0] in ("import", "from"):
            found.update(t for t, k in zip(s.texts, s.kinds, strict=True) if k == "name")
    return frozenset(found - _KEYWORDS)


def _defined(statements: list[_Statement]) -> frozenset[str]:
    found: set[str] = set()
    for s in statements:
        if s.texts[0] == "def" and len(s.texts) > 1:
            found.add(s.texts[1])
        elif len(s.texts) > 3 and s.texts[0] == "self" and s.texts[1] == "." and s.texts[3] in ("=", ":"):
            found.add(s.texts[2])
    return frozenset(found)


def _normal(statement: _Statement, keep: frozenset[str], own: frozenset[str], names: set[str]) -> tuple[str, ...]:
    if all(kind == "string" for kind in statement.kinds):
        return ()
    found: list[str] = []
    texts = statement.texts
    first, last = _annotation(statement)
    grouping: list[bool] = []
    for i, (kind, token) in enumerate(zip(statement.kinds, texts, strict=True)):
        if first <= i < last:
            continue
        if kind == "name":
            found.append(_name(statement, i, token, keep, own))
            if found[-1] == OWN:
                names.add(token)
        elif kind == "number":
            found.append(_number(token))
        elif kind == "string":
            found.append(_string(token))
        elif token in _OPEN:
            grouping.append(token == "(" and (i == 0 or not _ends_operand(statement, i - 1)))
            found += [] if grouping[-1] else [token]
        elif token in _CLOSE:
            found += [] if grouping and grouping.pop() else [token]
        elif not _is_layout(token, texts[i + 1] if i + 1 < len(texts) else ""):
            found.append(token)
    return tuple(found)


def _ends_operand(statement: _Statement, i: int) -> bool:
    # A bracket after one of them calls it; after anything else it only groups.
    token, kind = statement.texts[i], statement.kinds[i]
    return token in _CLOSE or kind == "string" or (kind == "name" and token not in _KEYWORDS)


def _is_layout(token: str, following: str) -> bool:
    # A comma may or may not stand before a closing bracket; a colon ends a clause.
    return (token == "," and following in _CLOSE) or (token == ":" and not following)


def _name(statement: _Statement, i: int, name: str, keep: frozenset[str], own: frozenset[str]) -> str:
    if i and statement.texts[i - 1] == ".":
        return OWN if name in own else name
    return name if name in keep or _is_keyword_argument(statement, i) else OWN


def _is_keyword_argument(statement: _Statement, i: int) -> bool:
    texts = statement.texts
    if texts[0] == "def" or not statement.depths[i]:
        return False
    return texts[i + 1 : i + 2] == ["="] and texts[i - 1] in "(,"


def _annotation(statement: _Statement) -> tuple[int, int]:
    """Where an annotation of a variable stands among the tokens; an empty range where there is none."""
    if statement.texts[0] in _KEYWORDS:
        return 0, 0
    end = len(statement.texts)
    for i, (token, depth) in enumerate(zip(statement.texts, statement.depths, strict=True)):
        if depth == 0 and token == "=":
            return 0, 0
        if depth == 0 and token == ":":
            rest = range(i + 1, end)
            return i, next((j for j in rest if statement.texts[j] == "=" and statement.depths[j] == 0), end)
    return 0, 0


@lru_cache(maxsize=10_000)
def _number(token: str) -> str:
    # Long ones would take long to turn into a number, and nobody types them twice in two ways.
    if len(token) > 20:
        return token
    try:
        plain = token.lower().replace("_", "")
        return repr(float(int(plain, 0)) if plain[:2] in ("0x", "0b", "0o") else complex(plain).real + 0.0)
    except (ValueError, OverflowError):
        return token


def _string(token: str) -> str:
    body = token.lstrip("rbuftRBUFT")
    quotes = 3 if body[:3] in ('"""', "'''") else 1
    end = -quotes if len(body) >= 2 * quotes and body.endswith(body[:quotes]) else None
    return f"'{body[quotes:end]}'"
