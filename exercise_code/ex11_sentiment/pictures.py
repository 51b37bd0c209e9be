"""Given: the figures of the notebooks."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np

from exercise_code.common.plotting import course_style, show_figure

__all__ = [
    "show_chain",
    "show_effects",
    "show_lengths",
    "show_letters",
    "show_lines",
    "show_lstm",
    "show_padding",
    "show_pairs",
]

MARK, QUIET, WORD = "tab:orange", "0.6", "tab:blue"
_BOX = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": WORD}
_ROUND = {"boxstyle": "circle,pad=0.25", "facecolor": "white", "edgecolor": MARK}


@course_style()
def show_lengths(lengths: Sequence[int]) -> None:
    """Draw how many reviews have how many words."""
    figure, axis = plt.subplots(figsize=(6.4, 2.6))
    axis.hist(lengths, bins=40, color=WORD)
    middle = float(np.median(lengths))
    axis.axvline(middle, color=MARK, label=f"median: {middle:.0f} words")
    axis.set(xlabel="words in a review", ylabel="reviews")
    axis.legend()
    figure.tight_layout()
    show_figure(figure, f"Lengths of {len(lengths)} reviews, from {min(lengths)} to {max(lengths)} words.")


@course_style()
def show_padding(batches: Mapping[str, Sequence[Sequence[int]]]) -> None:
    """Draw the lengths in one batch, for several ways to make batches: words are blue, padding is orange."""
    figure, axes = plt.subplots(1, len(batches), figsize=(3.6 * len(batches), 2.8), sharex=True, squeeze=False)
    alt = []
    for axis, (name, rows) in zip(axes[0], batches.items(), strict=True):
        lengths = np.array(rows)
        places = np.arange(len(lengths))
        axis.barh(places, lengths, color=WORD, height=1, label="words")
        axis.barh(places, lengths.max() - lengths, left=lengths, color=MARK, height=1, label="padding")
        share = 1 - lengths.mean() / lengths.max()
        axis.set(title=f"{name}\n{share:.0%} of this batch is padding", xlabel="place in the review")
        axis.invert_yaxis()
        alt.append(f"{name}: {share:.0%} padding")
    axes[0, 0].set_ylabel("review in the batch")
    axes[0, -1].legend(loc="lower right")
    figure.tight_layout()
    show_figure(figure, "One batch, " + "; ".join(alt) + ".")


@course_style()
def show_pairs(words: Sequence[str], numbers: Sequence[int]) -> None:
    """Draw a sentence, and above each two neighbours the number of their pair."""
    figure, axis = plt.subplots(figsize=(1.35 * len(words), 1.5))
    for i, word in enumerate(words):
        axis.text(i, 0, word, ha="center", va="center", bbox=_BOX)
    for i, number in enumerate(numbers):
        axis.plot([i, i + 0.5, i + 1], [0.3, 0.75, 0.3], color=QUIET, linewidth=1)
        axis.text(i + 0.5, 0.95, str(number), ha="center", va="center", color="tab:red")
    axis.set(xlim=(-0.6, len(words) - 0.4), ylim=(-0.4, 1.2))
    axis.axis("off")
    show_figure(figure, f"Words: {', '.join(words)}; the numbers of their pairs: {', '.join(map(str, numbers))}.")


@course_style()
def show_chain(words: Sequence[str]) -> None:
    """Draw one cell that reads word after word and hands on its state."""
    figure, axis = plt.subplots(figsize=(1.9 * (len(words) + 1), 2.4))
    arrow = {"arrowstyle": "->", "color": QUIET, "shrinkA": 14, "shrinkB": 14}
    axis.text(-0.85, 1, "$h_0 = 0$", ha="right", va="center")
    for i, word in enumerate(words):
        axis.text(i, 1, "cell", ha="center", va="center", bbox=_BOX)
        axis.text(i, 0, word, ha="center", va="center", color=WORD)
        axis.annotate("", (i, 1), (i, 0), arrowprops=arrow)
        axis.annotate("", (i, 1), (i - 1, 1), arrowprops=arrow)
        axis.text(i + 0.5, 1.18, f"$h_{i + 1}$", ha="center")
    last = len(words)
    axis.text(last, 1, "praise?", ha="center", va="center", color="tab:red")
    axis.annotate("", (last - 0.15, 1), (last - 1, 1), arrowprops=arrow)
    axis.set(xlim=(-1.6, last + 0.5), ylim=(-0.3, 1.5))
    axis.axis("off")
    show_figure(figure, f"The same cell reads {', '.join(words)} and hands its state on; the last state is judged.")


@course_style()
def show_lstm() -> None:
    """Draw what happens in one step of an LSTM."""
    figure, axis = plt.subplots(figsize=(7.6, 3.4))
    line = {"arrowstyle": "->", "color": QUIET, "shrinkA": 2, "shrinkB": 2}
    places = {"f": 1.3, "i": 2.7, "g": 3.7, "o": 5.6}
    functions = {"f": r"sigmoid", "i": r"sigmoid", "g": r"tanh", "o": r"sigmoid"}
    roles = {"f": "keep?", "i": "write?", "g": "what?", "o": "show?"}
    axis.annotate("", (7.2, 3), (0, 3), arrowprops=line)
    axis.text(-0.1, 3, "$c$", ha="right", va="center", fontsize=13)
    axis.text(7.3, 3, "$c'$", ha="left", va="center", fontsize=13)
    for gate, x in places.items():
        axis.text(x, 1, f"${gate}$\n{functions[gate]}", ha="center", va="center", bbox=_BOX, fontsize=9)
        axis.text(x, 0.28, roles[gate], ha="center", va="center", color="tab:red", fontsize=9, backgroundcolor="white")
        axis.annotate("", (x, 0.7), (x, -0.2), arrowprops=line, zorder=0)
    axis.plot([0, 5.6], [-0.2, -0.2], color=QUIET, linewidth=1)
    axis.text(-0.1, -0.2, "$x, h$", ha="right", va="center", fontsize=13)
    for x, sign in ((1.3, "×"), (3.2, "+")):
        axis.text(x, 3, sign, ha="center", va="center", bbox=_ROUND)
    axis.text(3.2, 2.05, "×", ha="center", va="center", bbox=_ROUND)
    axis.text(5.6, 2.05, "×", ha="center", va="center", bbox=_ROUND)
    axis.text(6.05, 2.62, "tanh", ha="right", va="center", fontsize=9)
    axis.annotate("", (1.3, 2.8), (1.3, 1.35), arrowprops=line)
    axis.annotate("", (3.1, 1.85), (2.7, 1.35), arrowprops=line)
    axis.annotate("", (3.3, 1.85), (3.7, 1.35), arrowprops=line)
    axis.annotate("", (3.2, 2.8), (3.2, 2.25), arrowprops=line)
    axis.annotate("", (5.6, 1.85), (5.6, 1.35), arrowprops=line)
    axis.annotate("", (5.8, 2.1), (6.6, 3), arrowprops=line)
    axis.annotate("", (7.2, 2.05), (5.8, 2.05), arrowprops=line)
    axis.text(7.3, 2.05, "$h'$", ha="left", va="center", fontsize=13)
    axis.set(xlim=(-0.8, 7.8), ylim=(-0.5, 3.4))
    axis.axis("off")
    show_figure(
        figure,
        "One step of an LSTM: the memory c is multiplied by f, and i times g is added; the new memory, through "
        "tanh and times o, is the new hidden state.",
    )


@course_style()
def show_effects(words: Sequence[str], effects: Sequence[float], title: str = "") -> None:
    """Draw for each word of a review which way it moved the answer: towards praise (right) or blame (left)."""
    figure, axis = plt.subplots(figsize=(6, 0.9 + 0.26 * len(words)))
    places = np.arange(len(words))
    colors = [WORD if effect >= 0 else MARK for effect in effects]
    axis.barh(places, effects, color=colors)
    axis.set_yticks(places, words)
    axis.invert_yaxis()
    axis.axvline(0, color=QUIET, linewidth=1)
    axis.set(xlabel="towards blame  ←  effect  →  towards praise", title=title)
    reach = max(0.5, 1.1 * max(abs(effect) for effect in effects))
    axis.set_xlim(-reach, reach)
    figure.tight_layout()
    parts = ", ".join(f"{word} {effect:+.1f}" for word, effect in zip(words, effects, strict=True))
    show_figure(figure, f"{title}. How far each word moved the answer: {parts}.")


@course_style()
def show_lines(lines: Mapping[str, Sequence[float]], xlabel: str, ylabel: str) -> None:
    """Draw numbers that are larger than 0 on a logarithmic scale, a line for each name."""
    figure, axis = plt.subplots(figsize=(6.8, 3))
    dashes = ("-", "--", "-.", ":")
    for i, (name, values) in enumerate(lines.items()):
        axis.semilogy(values, dashes[i % len(dashes)], label=name)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout()
    ends = "; ".join(f"{name} from {values[0]:.2g} to {values[-1]:.2g}" for name, values in lines.items())
    show_figure(figure, f"{ylabel} over {xlabel}: {ends}.")


@course_style()
def show_letters(letters: Sequence[str], probabilities: Mapping[float, Sequence[float]], count: int = 8) -> None:
    """Draw how likely the next letters are at several temperatures."""
    figure, axes = plt.subplots(
        1, len(probabilities), figsize=(2.9 * len(probabilities), 2.3), sharey=True, squeeze=False
    )
    alt = []
    first = next(iter(probabilities.values()))
    order = sorted(range(len(letters)), key=lambda k: -first[k])[:count]
    for axis, (temperature, shares) in zip(axes[0], probabilities.items(), strict=True):
        axis.bar([repr(letters[k])[1:-1].replace(" ", "␣") for k in order], [shares[k] for k in order], color=WORD)
        axis.set(title=f"temperature {temperature}", xlabel="next letter")
        alt.append(f"temperature {temperature}: {letters[order[0]]!r} has {shares[order[0]]:.2f}")
    axes[0, 0].set_ylabel("probability")
    figure.tight_layout()
    show_figure(figure, "; ".join(alt) + ".")
