"""What the grader's sandbox offers, told to students before they hand in."""

__all__ = ["NOT_IN_SANDBOX", "SANDBOX_LIBRARIES"]

# Importable names, beside the standard library, that work in the grader's sandbox in every exercise.
SANDBOX_LIBRARIES: tuple[str, ...] = ("PIL", "matplotlib", "numpy", "safetensors", "torch", "torchvision", "tqdm")
# Packages on a student's computer, or modules of the standard library, that do not.
NOT_IN_SANDBOX: tuple[str, ...] = ("IPython", "ipykernel", "ipywidgets", "jupyterlab", "pooch", "pytest", "requests")
