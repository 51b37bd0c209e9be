"""Planes, cars, ships and trucks."""

from collections.abc import Callable

import numpy as np

from .sampling import chance, uniform
from .sketch import Colour, Sketch, jitter, tint

__all__ = ["VEHICLES"]


def _paint(rng: np.random.Generator) -> Colour:
    """A colour of something made by people: white, grey, black or bright."""
    if chance(rng, 0.5):
        grey = uniform(rng, 25, 240)
        return jitter(rng, (grey, grey, grey), 10)
    r, g, b = rng.uniform(20, 225, size=3).tolist()
    return r, g, b


def _plane(s: Sketch, rng: np.random.Generator) -> None:
    body, wing = _paint(rng), _paint(rng)
    if chance(rng, 0.5):
        body = wing = jitter(rng, (215, 217, 222), 20)
    nose, thick = uniform(rng, 0.8, 1.0), uniform(rng, 0.1, 0.16)
    if chance(rng, 0.6):
        sweep = uniform(rng, 0.15, 0.5)
        s.fill(tint(wing, 0.75), (0.2, -0.02), (0.2 - sweep, -0.34), (0.05 - sweep, -0.34), (-0.15, -0.02))
        s.fill(tint(body, 0.85), (-0.62, -0.05), (-0.95, -0.42), (-0.8, -0.42), (-0.4, -0.08))
        s.oval(body, 0, 0, nose, thick)
        s.oval(tint(body, 0.78), 0, thick * 0.5, nose * 0.9, thick * 0.5)
        s.fill((50, 60, 75), (nose * 0.8, -0.07), (nose * 0.93, -0.01), (nose * 0.74, -0.01))
        for k in range(6):
            s.oval((60, 70, 85), -0.45 + 0.18 * k, -0.03, 0.035, 0.03)
        s.fill(wing, (0.25, 0.03), (0.0 - sweep, 0.42), (-0.18 - sweep, 0.42), (-0.15, 0.05))
        s.fill(tint(wing, 0.9), (-0.6, 0.0), (-0.95, 0.14), (-0.85, 0.14), (-0.45, 0.03))
        if chance(rng, 0.6):
            s.oval(tint(body, 0.55), 0.05 - sweep / 2, 0.24, 0.12, 0.06)
    else:
        span, sweep = uniform(rng, 0.7, 0.95), uniform(rng, 0.1, 0.5)
        for side in (-1, 1):
            s.fill(wing, (0.25, side * 0.05), (-sweep, side * span), (-sweep - 0.16, side * span), (-0.15, side * 0.05))
            s.fill(tint(wing, 0.85), (-0.65, 0.0), (-0.9, side * 0.32), (-1.0, side * 0.32), (-0.85, 0.0))
            s.oval(tint(body, 0.5), 0.02 - sweep / 3, side * span * 0.45, 0.1, 0.05)
        s.oval(body, 0, 0, nose, thick * 0.85)
        s.oval((60, 70, 85), nose * 0.75, 0, 0.06, 0.05)


def _wheels(s: Sketch, y: float, radius: float, *places: float) -> None:
    for x in places:
        s.oval((24, 24, 26), x, y, radius, radius)
        s.oval((150, 150, 155), x, y, radius * 0.5, radius * 0.5)


def _car(s: Sketch, rng: np.random.Generator) -> None:
    body, glass = _paint(rng), jitter(rng, (75, 92, 108), 22)
    s.oval((40, 40, 42), 0, 0.44, 0.95, 0.08)
    if chance(rng, 0.7):
        roof, front, back = uniform(rng, -0.46, -0.3), uniform(rng, 0.2, 0.42), uniform(rng, -0.85, -0.45)
        s.fill(body, (-0.92, -0.02), (0.45, -0.06), (0.9, 0.06), (0.96, 0.32), (-0.95, 0.32))
        s.fill(tint(body, 0.92), (back, -0.02), (back + 0.22, roof), (front - 0.25, roof), (front + 0.15, -0.04))
        s.fill(glass, (back + 0.1, -0.04), (back + 0.25, roof + 0.06), (-0.16, roof + 0.06), (-0.16, -0.04))
        s.fill(glass, (-0.08, -0.04), (-0.08, roof + 0.06), (front - 0.27, roof + 0.06), (front + 0.05, -0.05))
        s.fill(tint(body, 0.7), (-0.95, 0.22), (0.95, 0.22), (0.95, 0.32), (-0.95, 0.32))
        s.oval((240, 235, 190), 0.88, 0.1, 0.06, 0.05)
        s.oval((170, 30, 30), -0.9, 0.08, 0.04, 0.06)
        _wheels(s, 0.32, uniform(rng, 0.16, 0.22), -0.55, 0.56)
    else:
        s.fill((26, 26, 28), (-0.62, 0.2), (-0.38, 0.2), (-0.38, 0.5), (-0.62, 0.5))
        s.fill((26, 26, 28), (0.38, 0.2), (0.62, 0.2), (0.62, 0.5), (0.38, 0.5))
        s.fill(tint(body, 0.9), (-0.5, -0.05), (-0.36, -0.48), (0.36, -0.48), (0.5, -0.05))
        s.fill(glass, (-0.43, -0.06), (-0.32, -0.41), (0.32, -0.41), (0.43, -0.06))
        s.fill(body, (-0.66, 0.0), (-0.5, -0.08), (0.5, -0.08), (0.66, 0.0), (0.66, 0.36), (-0.66, 0.36))
        s.fill((45, 45, 48), (-0.3, 0.12), (0.3, 0.12), (0.26, 0.26), (-0.26, 0.26))
        for side in (-1, 1):
            s.oval((245, 240, 205), side * 0.5, 0.12, 0.1, 0.07)


def _truck(s: Sketch, rng: np.random.Generator) -> None:
    cab, cargo, glass = _paint(rng), _paint(rng), jitter(rng, (75, 92, 108), 22)
    s.oval((40, 40, 42), 0, 0.52, 1.0, 0.08)
    if chance(rng, 0.75):
        top = uniform(rng, -0.62, -0.3)
        rear = uniform(rng, -1.0, -0.85)
        s.fill((50, 48, 48), (rear, 0.24), (0.9, 0.24), (0.9, 0.36), (rear, 0.36))
        kind = uniform(rng, 0, 1)
        if kind < 0.6:
            s.fill(cargo, (rear, top), (0.3, top), (0.3, 0.26), (rear, 0.26))
            s.fill(tint(cargo, 0.8), (rear, 0.12), (0.3, 0.12), (0.3, 0.26), (rear, 0.26))
            for k in range(1, 5):
                x = rear + k * (0.3 - rear) / 5
                s.limb(tint(cargo, 0.86), 0.02, (x, top), (x, 0.24))
        elif kind < 0.8:
            s.oval(cargo, (rear + 0.3) / 2, -0.05, (0.3 - rear) / 2, 0.3)
            s.oval(tint(cargo, 1.25), (rear + 0.3) / 2, -0.15, (0.3 - rear) / 2.4, 0.1)
        else:
            s.fill(cargo, (rear, -0.1), (0.28, -0.1), (0.2, 0.26), (rear + 0.1, 0.26))
            s.fill((120, 95, 70), (rear + 0.1, -0.1), (-0.4, -0.34), (0.1, -0.1))
        s.fill(cab, (0.34, -0.34), (0.68, -0.34), (0.86, 0.0), (0.95, 0.06), (0.95, 0.34), (0.34, 0.34))
        s.fill(glass, (0.5, -0.27), (0.66, -0.27), (0.8, 0.0), (0.5, 0.0))
        s.oval((240, 235, 190), 0.9, 0.2, 0.05, 0.05)
        _wheels(s, 0.38, uniform(rng, 0.14, 0.19), -0.72, -0.4, 0.64)
    else:
        s.fill(cargo, (-0.55, -0.8), (0.55, -0.8), (0.55, 0.2), (-0.55, 0.2))
        s.fill((26, 26, 28), (-0.55, 0.3), (-0.34, 0.3), (-0.34, 0.58), (-0.55, 0.58))
        s.fill((26, 26, 28), (0.34, 0.3), (0.55, 0.3), (0.55, 0.58), (0.34, 0.58))
        s.fill(cab, (-0.55, -0.5), (0.55, -0.5), (0.58, 0.44), (-0.58, 0.44))
        s.fill(glass, (-0.46, -0.42), (0.46, -0.42), (0.48, -0.08), (-0.48, -0.08))
        s.fill(tint(cab, 0.55), (-0.34, 0.04), (0.34, 0.04), (0.34, 0.28), (-0.34, 0.28))
        for side in (-1, 1):
            s.oval((245, 240, 205), side * 0.46, 0.26, 0.08, 0.07)


def _ship(s: Sketch, rng: np.random.Generator) -> None:
    hull, house = _paint(rng), jitter(rng, (215, 212, 205), 35)
    bow, deck = uniform(rng, 0.85, 1.0), uniform(rng, 0.0, 0.14)
    s.oval((205, 220, 230), -0.05, 0.44, 1.0, 0.07)
    if chance(rng, 0.7):
        stern = uniform(rng, -0.75, -0.2)
        height = uniform(rng, 0.3, 0.6)
        s.limb((70, 66, 62), 0.035, (stern + 0.35, deck), (stern + 0.35, deck - height - 0.35))
        s.fill(house, (stern, deck), (stern, deck - height), (stern + 0.5, deck - height), (stern + 0.6, deck))
        x, top = stern - 0.1, deck - 0.2
        s.fill(tint(house, 0.85), (x, deck), (x, top), (x + 1.0, top), (x + 1.05, deck))
        for k in range(4):
            s.oval((70, 85, 105), stern + 0.08 + 0.12 * k, deck - height + 0.1, 0.04, 0.04)
        if chance(rng, 0.6):
            top = deck - height
            s.fill(
                _paint(rng),
                (stern + 0.1, top),
                (stern + 0.13, top - 0.28),
                (stern + 0.3, top - 0.28),
                (stern + 0.3, top),
            )
        if chance(rng, 0.4):
            for k in range(3):
                x = 0.3 + 0.18 * k
                s.fill(_paint(rng), (x, deck), (x, deck - 0.2), (x + 0.16, deck - 0.2), (x + 0.16, deck))
    else:
        sail = jitter(rng, (232, 228, 218), 22)
        s.limb((84, 66, 50), 0.04, (0.0, deck), (0.0, -0.98))
        s.fill(sail, (0.05, -0.95), (0.05, deck - 0.1), (0.62, deck - 0.1))
        s.fill(tint(sail, 0.85), (-0.05, -0.85), (-0.05, deck - 0.1), (-0.6, deck - 0.06))
    s.fill(hull, (-0.92, deck), (bow, deck - 0.08), (bow - 0.24, 0.44), (-0.8, 0.44))
    s.fill(tint(hull, 0.6), (-0.85, 0.28), (bow - 0.14, 0.28), (bow - 0.24, 0.44), (-0.8, 0.44))
    s.limb(tint(hull, 1.4), 0.03, (-0.9, deck + 0.05), (bow - 0.04, deck - 0.02))


VEHICLES: dict[str, Callable[[Sketch, np.random.Generator], None]] = {
    "plane": _plane,
    "car": _car,
    "ship": _ship,
    "truck": _truck,
}
