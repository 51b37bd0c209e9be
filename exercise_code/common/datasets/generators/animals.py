"""Birds, cats, deer, dogs, frogs and horses."""

from collections.abc import Callable, Sequence

import numpy as np

from .sampling import chance, normal, uniform
from .sketch import Colour, Sketch, jitter, tint

__all__ = ["ANIMALS"]

_BROWN, _DARK, _BLACK, _SAND, _CREAM, _GREY = (
    (120.0, 84.0, 52.0),
    (62.0, 48.0, 40.0),
    (38.0, 36.0, 38.0),
    (165.0, 130.0, 90.0),
    (205.0, 195.0, 180.0),
    (128.0, 124.0, 122.0),
)
_BLUE, _RED, _YELLOW = (60.0, 90.0, 150.0), (180.0, 60.0, 45.0), (190.0, 165.0, 60.0)
_FURS = (_BROWN, _DARK, _BLACK, _SAND, _CREAM, _GREY)
_FEATHERS = (_BROWN, _BLACK, _CREAM, _BLUE, _RED, _YELLOW)


def _pick(rng: np.random.Generator, colours: Sequence[Colour]) -> Colour:
    return tint(jitter(rng, colours[int(rng.integers(len(colours)))], 14), uniform(rng, 0.75, 1.15))


def _bird(s: Sketch, rng: np.random.Generator) -> None:
    body, wing = _pick(rng, _FEATHERS), _pick(rng, _FEATHERS)
    beak = jitter(rng, (205, 150, 50), 25)
    if chance(rng, 0.5):
        wing = tint(body, 0.75)
    if chance(rng, 0.35):
        lift, spread = uniform(rng, -0.75, 0.3), uniform(rng, 0.1, 0.35)
        far = [(-0.15 - spread, lift * 0.9 - 0.1), (-0.4 - spread, lift * 0.8)]
        s.fill(tint(wing, 0.85), (0.15, 0.0), *far, (-0.2, 0.08))
        s.fill(tint(body, 0.85), (-0.4, -0.05), (-0.85, -0.12), (-0.85, 0.14), (-0.4, 0.1))
        s.oval(body, 0, 0.02, 0.5, 0.17, 0.05)
        s.oval(body, 0.5, -0.06, 0.16, 0.14)
        s.fill(beak, (0.62, -0.1), (0.84, -0.03), (0.62, 0.0))
        s.fill(wing, (0.22, 0.0), (0.2 + spread, lift - 0.05), (-0.1, lift - 0.2), (-0.25, 0.05))
        s.oval((15, 15, 18), 0.55, -0.09, 0.035, 0.035)
    else:
        tall, fat = uniform(rng, 0.25, 0.6), uniform(rng, 0.24, 0.36)
        lean = uniform(rng, -0.7, -0.1)
        neck = uniform(rng, 0.3, 0.62)
        for x in (-0.06, 0.08):
            s.limb(tint(beak, 0.8), 0.035, (x, 0.2), (x, 0.25 + tall), (x + 0.12, 0.27 + tall))
        s.fill(tint(wing, 0.8), (-0.3, 0.1), (-0.9, 0.38), (-0.78, 0.5), (-0.2, 0.26))
        s.limb(body, 0.2, (0.18, 0.0), (0.34, -neck))
        s.oval(body, 0, 0.08, 0.48, fat, lean * 0.5)
        s.oval(body, 0.36, -neck, 0.19, 0.17)
        s.oval(tint(body, 1.25), 0.14, 0.18, 0.22, fat * 0.6, lean * 0.5)
        s.oval(wing, -0.14, 0.06, 0.36, fat * 0.6, 0.3)
        s.fill(beak, (0.5, -neck - 0.05), (0.5 + uniform(rng, 0.12, 0.32), -neck + 0.03), (0.5, -neck + 0.06))
        s.oval((15, 15, 18), 0.41, -neck - 0.03, 0.04, 0.04)


def _legs(s: Sketch, rng: np.random.Generator, fur: Colour, length: float, width: float, *places: float) -> None:
    for k, x in enumerate(places):
        knee, foot = normal(rng, 0.07, 0.16), normal(rng, 0.1, 0.22)
        tone = tint(fur, 0.78 if k % 2 else 0.95)
        s.limb(tone, width, (x, 0.1), (x + knee, 0.15 + length * 0.5), (x + foot, 0.15 + length))


def _horse(s: Sketch, rng: np.random.Generator) -> None:
    fur, mane = _pick(rng, _FURS), _pick(rng, (_DARK, _BLACK, _SAND))
    nod = uniform(rng, -0.15, 0.5)
    _legs(s, rng, fur, uniform(rng, 0.55, 0.7), 0.1, -0.5, -0.38, 0.32, 0.44)
    s.limb(mane, 0.12, (-0.58, -0.1), (-0.78, 0.05), (-0.8, 0.45))
    s.oval(fur, -0.05, -0.02, 0.6, 0.24)
    s.oval(tint(fur, 1.15), -0.1, -0.1, 0.42, 0.11)
    s.fill(fur, (0.22, -0.16), (0.5, -0.68 + nod), (0.74, -0.6 + nod), (0.56, 0.06))
    s.limb(mane, 0.12, (0.24, -0.2), (0.46, -0.66 + nod), (0.58, -0.74 + nod))
    s.oval(tint(fur, 1.05), 0.74, -0.52 + nod, 0.27, 0.12, 0.65)
    s.fill(fur, (0.52, -0.66 + nod), (0.54, -0.86 + nod), (0.63, -0.68 + nod))
    s.oval((14, 12, 12), 0.68, -0.6 + nod, 0.035, 0.035)
    if chance(rng, 0.3):
        s.fill((110, 60, 45), (-0.2, -0.26), (0.12, -0.26), (0.1, -0.02), (-0.16, -0.02))


def _deer(s: Sketch, rng: np.random.Generator) -> None:
    fur = tint(jitter(rng, (148, 104, 64), 22), uniform(rng, 0.65, 1.15))
    nod = uniform(rng, -0.1, 0.45)
    _legs(s, rng, fur, uniform(rng, 0.6, 0.75), 0.07, -0.44, -0.34, 0.28, 0.38)
    s.oval(fur, -0.04, -0.02, 0.52, 0.2)
    s.oval(tint(fur, 1.3), -0.04, 0.1, 0.36, 0.07)
    s.oval((225, 215, 200), -0.55, -0.08, 0.08, 0.1)
    if chance(rng, 0.35):
        for x, y in rng.uniform((-0.4, -0.15), (0.3, 0.05), size=(8, 2)).tolist():
            s.oval((215, 195, 165), x, y, 0.035, 0.03)
    s.fill(fur, (0.26, -0.12), (0.44, -0.6 + nod), (0.58, -0.54 + nod), (0.46, 0.04))
    s.oval(fur, 0.62, -0.56 + nod, 0.19, 0.1, 0.45)
    s.oval(tint(fur, 0.8), 0.42, -0.68 + nod, 0.13, 0.05, 0.5)
    s.oval((14, 12, 12), 0.58, -0.6 + nod, 0.035, 0.035)
    if chance(rng, 0.6):
        bone, tall = jitter(rng, (150, 125, 95), 20), uniform(rng, 0.25, 0.42)
        for lean in (-0.25, 0.12):
            x, y = 0.5, -0.66 + nod
            s.limb(bone, 0.045, (x, y), (x + lean * 0.6, y - tall * 0.6), (x + lean, y - tall))
            s.limb(bone, 0.035, (x + lean * 0.5, y - tall * 0.5), (x + lean * 0.5 + 0.14, y - tall * 0.85))
            s.limb(bone, 0.035, (x + lean * 0.8, y - tall * 0.75), (x + lean * 0.8 - 0.12, y - tall * 1.05))


def _dog(s: Sketch, rng: np.random.Generator) -> None:
    fur, dark = _pick(rng, _FURS), _pick(rng, (_BROWN, _DARK, _BLACK, _SAND))
    floppy = chance(rng, 0.65)
    if chance(rng, 0.5):
        _legs(s, rng, fur, uniform(rng, 0.3, 0.5), 0.13, -0.46, -0.34, 0.3, 0.42)
        curl = uniform(rng, -0.4, 0.1)
        s.limb(fur, 0.1, (-0.52, -0.08), (-0.75, -0.2), (-0.82, -0.2 + curl))
        s.oval(fur, -0.05, 0.0, 0.55, 0.24)
        s.oval(tint(fur, 1.2), 0.2, 0.08, 0.25, 0.14)
        s.limb(fur, 0.26, (0.34, -0.08), (0.5, -0.34))
        s.oval(fur, 0.54, -0.38, 0.22, 0.2)
        s.oval(tint(fur, 1.1), 0.76, -0.3, 0.2, 0.11, 0.1)
        s.oval((20, 18, 18), 0.93, -0.34, 0.055, 0.05)
        s.oval((14, 12, 12), 0.6, -0.42, 0.035, 0.035)
        if floppy:
            s.oval(dark, 0.42, -0.32, 0.1, 0.2, 0.2)
        else:
            s.fill(dark, (0.36, -0.48), (0.4, -0.74), (0.54, -0.54))
        return
    long = uniform(rng, 0.4, 0.6)
    s.oval(tint(fur, 0.85), 0, 0.75, 0.55, 0.4)
    s.oval(fur, 0, -0.1, 0.46, 0.5)
    for side in (-1, 1):
        if floppy:
            s.oval(dark, side * 0.46, -0.02, 0.15, 0.38, -side * 0.2)
        else:
            s.fill(dark, (side * 0.42, -0.3), (side * 0.45, -0.84), (side * 0.12, -0.52))
        s.oval((16, 14, 14), side * 0.19, -0.2, 0.07, 0.07)
    s.oval(tint(fur, 1.22), 0, 0.2, 0.26, long * 0.7)
    s.oval((20, 18, 18), 0, 0.08, 0.13, 0.09)
    s.limb((40, 26, 26), 0.04, (-0.16, 0.36), (0, 0.3), (0.16, 0.36))
    if chance(rng, 0.35):
        s.oval((205, 95, 100), 0, 0.46, 0.08, 0.14)


def _cat(s: Sketch, rng: np.random.Generator) -> None:
    fur, dark = _pick(rng, _FURS), _pick(rng, (_BROWN, _DARK, _BLACK, _SAND))
    eye = jitter(rng, (150, 175, 70), 35)
    if chance(rng, 0.4):
        lift = uniform(rng, -0.65, 0.3)
        _legs(s, rng, fur, uniform(rng, 0.26, 0.4), 0.1, -0.44, -0.34, 0.28, 0.38)
        s.limb(dark, 0.075, (-0.5, -0.02), (-0.78, -0.06), (-0.86, lift))
        s.oval(fur, -0.06, 0.0, 0.52, 0.2)
        for k in range(4):
            s.limb(dark, 0.045, (-0.36 + 0.18 * k, -0.18), (-0.32 + 0.18 * k, 0.02))
        s.oval(fur, 0.52, -0.22, 0.22, 0.2)
        for x in (0.4, 0.6):
            s.fill(fur, (x - 0.1, -0.32), (x - 0.02, -0.58), (x + 0.1, -0.36))
        s.oval(eye, 0.58, -0.25, 0.045, 0.045)
        s.oval((190, 120, 115), 0.72, -0.18, 0.035, 0.03)
        return
    s.oval(tint(fur, 0.85), 0, 0.75, 0.5, 0.42)
    for side in (-1, 1):
        s.fill(fur, (side * 0.5, -0.1), (side * 0.46, -0.74), (side * 0.08, -0.4))
        s.fill((190, 140, 130), (side * 0.42, -0.24), (side * 0.41, -0.56), (side * 0.2, -0.38))
    s.oval(fur, 0, 0, 0.54, 0.45)
    for x in (-0.14, 0, 0.14):
        s.limb(dark, 0.05, (x, -0.42), (x * 0.8, -0.2))
    for side in (-1, 1):
        s.limb(dark, 0.045, (side * 0.5, 0.06), (side * 0.3, 0.08))
        s.oval(eye, side * 0.22, -0.06, 0.11, 0.09)
        s.oval((12, 12, 12), side * 0.22, -0.06, 0.035, 0.085)
        s.oval(tint(fur, 1.2), side * 0.1, 0.22, 0.14, 0.12)
        for fan in (0.1, 0.22):
            s.limb((225, 222, 215), 0.015, (side * 0.16, 0.2), (side * 0.7, fan + 0.06))
    s.fill((185, 105, 105), (-0.07, 0.1), (0.07, 0.1), (0, 0.18))


def _frog(s: Sketch, rng: np.random.Generator) -> None:
    skin = _pick(rng, ((86, 128, 54), (70, 100, 52), (112, 132, 60), (118, 96, 62)))
    belly = tint(skin, uniform(rng, 1.25, 1.6))
    if chance(rng, 0.55):
        s.limb(tint(skin, 0.75), 0.16, (-0.3, 0.2), (-0.75, 0.1), (-0.4, 0.45), (-0.75, 0.5))
        s.oval(skin, -0.08, 0.1, 0.56, 0.3, -0.3)
        s.oval(belly, 0.2, 0.24, 0.3, 0.14, -0.2)
        s.oval(skin, 0.42, -0.14, 0.36, 0.24, -0.1)
        s.limb(tint(skin, 0.85), 0.12, (0.28, 0.2), (0.36, 0.42), (0.56, 0.5))
        s.limb(tint(skin, 0.55), 0.03, (0.3, -0.04), (0.76, -0.08))
        s.oval(tint(skin, 1.1), 0.36, -0.36, 0.14, 0.13)
        s.oval((215, 180, 60), 0.39, -0.37, 0.085, 0.085)
        s.oval((10, 10, 10), 0.4, -0.37, 0.06, 0.035)
    else:
        for side in (-1, 1):
            thigh = [(side * 0.3, 0.3), (side * 0.8, 0.12), (side * 0.55, 0.5), (side * 0.9, 0.54)]
            s.limb(tint(skin, 0.75), 0.18, *thigh)
            s.limb(tint(skin, 0.9), 0.13, (side * 0.24, 0.3), (side * 0.3, 0.58), (side * 0.42, 0.62))
        s.oval(skin, 0, 0.16, 0.52, 0.38)
        s.oval(belly, 0, 0.32, 0.34, 0.2)
        s.oval(skin, 0, -0.1, 0.48, 0.26)
        s.limb(tint(skin, 0.5), 0.035, (-0.4, -0.04), (0, 0.04), (0.4, -0.04))
        for side in (-1, 1):
            s.oval(tint(skin, 1.1), side * 0.29, -0.34, 0.16, 0.16)
            s.oval((215, 180, 60), side * 0.29, -0.35, 0.1, 0.1)
            s.oval((10, 10, 10), side * 0.29, -0.35, 0.075, 0.04)
    for x, y in rng.uniform((-0.45, -0.1), (0.3, 0.3), size=(int(rng.integers(0, 7)), 2)).tolist():
        s.oval(tint(skin, 0.68), x, y, 0.06, 0.05)


ANIMALS: dict[str, Callable[[Sketch, np.random.Generator], None]] = {
    "bird": _bird,
    "cat": _cat,
    "deer": _deer,
    "dog": _dog,
    "frog": _frog,
    "horse": _horse,
}
