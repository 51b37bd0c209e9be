"""nbgrader's settings where it, or JupyterLab, is started in the project; a class gets its own by `make course`."""

from pathlib import Path

try:
    from autograder.nbgrader_bridge import configure
except Exception as error:
    # nbgrader would go on without these settings, and run students' code in a kernel. It hears an exit alone.
    raise SystemExit(f"expected `autograder` in this Python, got {error!r}: activate the project's .venv") from error

configure(get_config(), Path(__file__).absolute().parent)  # noqa: F821  (nbgrader puts `get_config` there)
