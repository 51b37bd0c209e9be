"""Code and answers that somebody may hand in: endless, hostile, odd."""

__all__ = ["ANSWERS", "ENDLESS", "HOSTILE", "HOSTILE_ANSWER", "HOSTILE_NAMES", "REMARKS", "UNKNOWN_NAMES"]
# Whoever shows these unescaped, or lets a spreadsheet open them, is in for it.
HOSTILE_NAMES = (
    "<script>document.title='owned'</script>",
    '<img src=x onerror="document.title=1">',
    '=HYPERLINK("http://127.0.0.1/","click")',
    "Ada \u202egnp.exe",
    "@SUM(1+1)*cmd|'/C calc'!A0",
    'O\'Brien, "Q"; \u00c5se & S\u00f8nner',
)
UNKNOWN_NAMES = ("=1+1", "<b>not in the roster<b>", "guest", "s99999", "\u202egnp.ehpargotohp", "my homework (final)")
ANSWERS = (
    "The second one, because otherwise the test set would leak into the training.",
    "Only the training data may be used. Everything else is information that we do not have later.",
    "I think both work, but the first is **slower**.",
    "It depends on $N$: for $N \\to \\infty$ there is no difference.",
    "New ones each epoch, else the batches are always the same and the gradient's noise, too.",
    "no idea, sorry",
)
HOSTILE_ANSWER = "<script>document.title='owned'</script><img src=x onerror=alert(1)> [click](javascript:alert(1))"
REMARKS = ("works now", "see lecture 3", "not nice but ok", "why?", "took me two hours", "checked by hand", "done")

_YES = """
class _Yes:
    def __init__(self, *args, **kwargs): pass
    def __eq__(self, other): return True
    def __len__(self): return 1
    def __getitem__(self, i): return self
    def __iter__(self): return iter([self])
    def __call__(self, *args, **kwargs): return self
OUTSIDE = b"print('outside')\n"


def __getattr__(name):
    return _Yes()
"""
ENDLESS = "while True:\n    pass"
HOSTILE = {
    "takes all the memory it can get": "_hoard = [b'x' * 50_000_000 for _ in range(200)]",
    "ends its process, exit code 0": "import os\nos._exit(0)",
    "looks for the hidden tests": "from pathlib import Path\n"
    "raise ValueError([p.read_text() for p in Path('/').rglob('test_hidden.py')][0])",
    "opens a connection": "import socket\nsocket.create_connection(('127.0.0.1', 80))",
    "starts processes": "import os\nwhile True:\n    os.fork()",
    "raises a text with markup": "raise ValueError('<script>document.title=1</script> \\u202e =1+1')",
    "prints without end": "print('x' * 10_000_000)",
    "exits quietly": "raise SystemExit(0)",
    "writes files": "open('scores.json', 'w').write('{\"score\": 100}')",
    "recurses for ever": "def _deep(n):\n    return _deep(n + 1)\n_deep(0)",
    "is equal to everything": _YES,
}
