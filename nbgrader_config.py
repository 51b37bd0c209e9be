"""nbgrader's settings where it, or JupyterLab, is started in the project; a class gets its own by `make course`."""

from pathlib import Path

from autograder.nbgrader_bridge import configure

configure(get_config(), Path(__file__).absolute().parent)  # noqa: F821  (nbgrader puts `get_config` there)
