"""What the grader's sandbox has: packages that a student's module may import there, and those it may not.

The judge's second worker has imported all of `WARM` before any clock starts; it takes the hand-ins whose modules
name one of these beyond what their exercise imports anyway. `submit` names what is not there.
"""

import re
from collections.abc import Collection, Iterable, Mapping

__all__ = ["NOT_IN_SANDBOX", "PACKAGES", "SANDBOX_LIBRARIES", "WARM", "beyond", "mentioned"]

# What a student's computer has (`dependencies` in pyproject.toml), by the name it is imported under.
PACKAGES = {
    "ipykernel": "ipykernel",
    "ipython": "IPython",
    "ipywidgets": "ipywidgets",
    "jupyterlab": "jupyterlab",
    "matplotlib": "matplotlib",
    "numpy": "numpy",
    "pillow": "PIL",
    "pooch": "pooch",
    "psutil": "psutil",
    "pytest": "pytest",
    "requests": "requests",
    "safetensors": "safetensors",
    "torch": "torch",
    "torchvision": "torchvision",
    "tqdm": "tqdm",
}
# Import names of these that a graded module cannot use: programs to work in, no libraries.
NOT_IN_SANDBOX: tuple[str, ...] = ("jupyterlab",)
# Importable names, beside the standard library, that work in the grader's sandbox in every exercise.
SANDBOX_LIBRARIES: tuple[str, ...] = tuple(sorted(set(PACKAGES.values()) - set(NOT_IN_SANDBOX)))

_HELPERS = ("data", "devices", "evaluation", "metrics", "models", "plotting", "progress", "seeding", "training")
# In the order of their import.
WARM = (
    "numpy",
    "PIL.Image",
    "PIL.JpegImagePlugin",
    "PIL.PngImagePlugin",
    "tqdm.auto",
    "matplotlib.pyplot",
    "torch",
    "torch.optim",
    "torch.utils.data",
    "torchvision",
    "safetensors.torch",
    "pooch",
    "requests",
    "psutil",
    "pytest",
    "IPython",
    "ipywidgets",
    "ipykernel",
    "multiprocessing.synchronize",
    *(f"exercise_code.common.{name}" for name in _HELPERS),
)
_NAMES = sorted({name.partition(".")[0] for name in WARM} - {"multiprocessing"})
# The helpers are imported as `exercise_code...` or relatively; a bare "common" is an English word. What an earlier
# exercise has are no helpers, its pictures aside, nor is what draws a student's numbers: with torch beside them each
# question would take four times as long.
_LIGHT = rb"ex\d\d_\w+\.(?!pictures\b)|common\.hand_ins\.student_id\b"
_PATTERNS = {name: re.compile(rb"\b%s\b" % name.encode()) for name in _NAMES}
_PATTERNS["exercise_code"] = re.compile(rb"\bexercise_code\b(?!\.(?:%s))|\.\.[ \t]*common\b" % _LIGHT)


def mentioned(text: bytes) -> set[str]:
    """Names of known packages that stand anywhere in a module's text, comments included."""
    return {name for name, pattern in _PATTERNS.items() if pattern.search(text)}


def beyond(texts: Iterable[bytes], imports: Collection[str], given: Mapping[str, bytes]) -> bool:
    """True when the texts name a known package that is not among the exercise's own imports.

    A given module that names one counts where the texts import it. It all depends on texts alone, so that a
    hand-in is always graded in the same surroundings.
    """
    # One helper among the imports does not bring the others.
    known = {name.partition(".")[0] for name in imports} - {"exercise_code"} | {"numpy"}
    large = [re.escape(name.encode()) for name, text in given.items() if mentioned(text) - known]
    imported = re.compile(rb"^[ \t]*(?:from|import)\b[^#]{0,200}?\b(?:%s)\b" % b"|".join(large), re.MULTILINE)
    return any(mentioned(text) - known or (large and imported.search(text)) for text in texts)
