"""Eight answers to ex03 that were written apart, all right, and what somebody does who copies one of them.

Each answer fills the holes of the stubs in order: `__len__`, `__getitem__`, rescale, statistics, normalize of
`image_folder.py`; `combine_samples`, `__len__`, `__iter__` of `dataloader.py`.
"""

import ast
import re
import textwrap
from collections.abc import Callable

from exercise_code.common.exercise import load_exercise

EXERCISE = load_exercise("ex03_dataloader")
_HOLE = re.compile(r"^([ ]*)# YOUR CODE HERE\n[ ]*raise NotImplementedError\(.*\)\n", re.MULTILINE)

_ANSWERS = {
    "u0001": """
return len(self.labels)
---
if self.images is None:
    image = load_image(self.paths[index])
else:
    image = self.images[index]
if self.transform:
    image = self.transform(image)
label = self.labels[index]
return {"image": image, "label": label}
---
a_min, a_max = self.in_range
b_min, b_max = self.out_range
image = image.astype(np.float64)
return (image - a_min) / (a_max - a_min) * (b_max - b_min) + b_min
---
mean = np.mean(images, axis=(0, 1, 2))
std = np.std(images, axis=(0, 1, 2))
return mean, std
---
return (image.astype(float) - self.mean) / self.std
---
batch = {}
for key in samples[0].keys():
    batch[key] = np.array([s[key] for s in samples])
return batch
---
if self.drop_last:
    return len(self.dataset) // self.batch_size
return int(np.ceil(len(self.dataset) / self.batch_size))
---
indices = np.arange(len(self.dataset))
if self.shuffle:
    self.rng.shuffle(indices)
batch = []
for i in indices:
    batch.append(self.dataset[i])
    if len(batch) == self.batch_size:
        yield combine_samples(batch)
        batch = []
if batch and not self.drop_last:
    yield combine_samples(batch)
""",
    "u0002": """
return len(self.paths)
---
sample = {}
if self.images is not None:
    img = self.images[index]
else:
    img = load_image(self.paths[index])
sample["image"] = img if self.transform is None else self.transform(img)
sample["label"] = self.labels[index]
return sample
---
# first to [0, 1], then to the new range
low, high = self.in_range
scaled = (np.asarray(image, dtype=np.float32) - low) / (high - low)
new_low, new_high = self.out_range
scaled = scaled * (new_high - new_low)
return (scaled + new_low).astype(float)
---
pixels = images.reshape(-1, images.shape[-1])
return pixels.mean(axis=0), pixels.std(axis=0)
---
result = image - self.mean
result = result / self.std
return result
---
keys = samples[0].keys()
return {k: np.stack([sample[k] for sample in samples], axis=0) for k in keys}
---
n_batches = len(self.dataset) // self.batch_size
if not self.drop_last and len(self.dataset) % self.batch_size != 0:
    n_batches += 1
return n_batches
---
n = len(self.dataset)
if self.shuffle:
    perm = self.rng.permutation(n)
else:
    perm = np.arange(n)
for b in range(len(self)):
    ids = perm[b * self.batch_size : (b + 1) * self.batch_size]
    yield combine_samples([self.dataset[int(i)] for i in ids])
""",
    "u0003": """
length = 0
for label in self.labels:
    length += 1
return length
---
if self.images:
    picture = self.images[index]
else:
    picture = load_image(self.paths[index])
if self.transform is not None:
    picture = self.transform(picture)
return dict(image=picture, label=self.labels[index])
---
x = image.astype("float64")
span_in = self.in_range[1] - self.in_range[0]
span_out = self.out_range[1] - self.out_range[0]
return self.out_range[0] + span_out * (x - self.in_range[0]) / span_in
---
means, stds = [], []
for c in range(images.shape[3]):
    channel = images[:, :, :, c]
    means.append(channel.mean())
    stds.append(channel.std())
return np.array(means), np.array(stds)
---
out = np.zeros(image.shape, dtype=float)
for c in range(len(self.mean)):
    out[..., c] = (image[..., c] - self.mean[c]) / self.std[c]
return out
---
result = {key: [] for key in samples[0]}
for sample in samples:
    for key, value in sample.items():
        result[key].append(value)
for key in result:
    result[key] = np.array(result[key])
return result
---
import math
count = len(self.dataset) / self.batch_size
return math.floor(count) if self.drop_last else math.ceil(count)
---
order = list(range(len(self.dataset)))
if self.shuffle:
    order = self.rng.permutation(len(self.dataset)).tolist()
start = 0
while start < len(order):
    chunk = order[start : start + self.batch_size]
    start += self.batch_size
    if len(chunk) < self.batch_size and self.drop_last:
        break
    yield combine_samples([self.dataset[k] for k in chunk])
""",
    "u0004": """
return self.paths.__len__()
---
image = self.images[index] if self.images is not None else load_image(self.paths[index])
image = self.transform(image) if self.transform is not None else image
return {"label": self.labels[index], "image": image}
---
(in_lo, in_hi), (out_lo, out_hi) = self.in_range, self.out_range
slope = (out_hi - out_lo) / (in_hi - in_lo)
return out_lo + slope * (image.astype(float) - in_lo)
---
x = images.astype(np.float64)
mean = x.mean(axis=(0, 1, 2))
var = ((x - mean) ** 2).mean(axis=(0, 1, 2))
return mean, np.sqrt(var)
---
return np.divide(np.subtract(image, self.mean), self.std)
---
names = list(samples[0])
columns = zip(*[[sample[name] for name in names] for sample in samples])
return {name: np.stack(column) for name, column in zip(names, columns)}
---
n, b = len(self.dataset), self.batch_size
return n // b if self.drop_last else (n + b - 1) // b
---
n = len(self.dataset)
idx = self.rng.permutation(n) if self.shuffle else np.arange(n)
stop = n - n % self.batch_size if self.drop_last else n
for first in range(0, stop, self.batch_size):
    yield combine_samples([self.dataset[j] for j in idx[first : min(first + self.batch_size, n)]])
""",
    "u0005": """
# one label per image
return len(self.labels)
---
path = self.paths[index]
if self.images is None:
    data = load_image(path)
else:
    data = self.images[index]
if self.transform is None:
    return {"image": data, "label": self.labels[index]}
else:
    return {"image": self.transform(data), "label": self.labels[index]}
---
image_float = image.astype(float)
min_in = self.in_range[0]
max_in = self.in_range[1]
min_out = self.out_range[0]
max_out = self.out_range[1]
normalized = (image_float - min_in) / (max_in - min_in)
rescaled = normalized * (max_out - min_out) + min_out
return rescaled
---
num_pixels = images.shape[0] * images.shape[1] * images.shape[2]
flat = images.reshape((num_pixels, images.shape[3])).astype(float)
m = flat.sum(axis=0) / num_pixels
s = np.sqrt(((flat - m) ** 2).sum(axis=0) / num_pixels)
return m, s
---
normalized = image.astype(np.float64)
normalized = normalized - self.mean.reshape(1, 1, -1)
return normalized / self.std.reshape(1, 1, -1)
---
output = {}
for name in samples[0]:
    values = []
    for sample in samples:
        values.append(sample[name])
    output[name] = np.stack(values)
return output
---
total = len(self.dataset)
batches = total // self.batch_size
if total % self.batch_size > 0 and self.drop_last is False:
    batches = batches + 1
return batches
---
if self.shuffle is True:
    indexes = self.rng.permutation(len(self.dataset))
else:
    indexes = range(len(self.dataset))
samples = []
for number, idx in enumerate(indexes):
    samples.append(self.dataset[idx])
    if (number + 1) % self.batch_size == 0:
        yield combine_samples(samples)
        samples = []
if len(samples) > 0 and self.drop_last is False:
    yield combine_samples(samples)
""",
    "u0006": """
n = len(self.paths)
return n
---
def get():
    if self.images is None:
        return load_image(self.paths[index])
    return self.images[index]

img = get()
if self.transform is not None:
    img = self.transform(img)
return {"image": img, "label": int(self.labels[index])}
---
lo, hi = self.in_range
lo2, hi2 = self.out_range
t = (image * 1.0 - lo) / (hi - lo)
return (1 - t) * lo2 + t * hi2
---
axes = tuple(range(images.ndim - 1))
return np.mean(images, axes), np.std(images, axes)
---
diff = np.asarray(image, float) - self.mean
return diff * (1 / self.std)
---
from collections import defaultdict

lists = defaultdict(list)
for sample in samples:
    for k in sample:
        lists[k].append(sample[k])
return {k: np.asarray(v) for k, v in lists.items()}
---
q, r = divmod(len(self.dataset), self.batch_size)
if r and not self.drop_last:
    q += 1
return q
---
N = len(self.dataset)
order = np.arange(N)
if self.shuffle:
    order = self.rng.permutation(order)
pieces = np.split(order, range(self.batch_size, N, self.batch_size))
for piece in pieces:
    if self.drop_last and piece.size != self.batch_size:
        continue
    if piece.size:
        yield combine_samples([self.dataset[i] for i in piece])
""",
    "u0007": """
return sum(1 for _ in self.paths)
---
if self.images is None:
    raw = load_image(self.paths[index])
else:
    raw = self.images[index]
out = raw
if self.transform is not None:
    out = self.transform(raw)
return {"image": out, "label": self.labels[index]}
---
old_min, old_max = self.in_range
new_min, new_max = self.out_range
old_width = old_max - old_min
new_width = new_max - new_min
return (image.astype(np.float64) - old_min) * new_width / old_width + new_min
---
mean = images.mean(axis=0).mean(axis=0).mean(axis=0)
second = (images.astype(float) ** 2).mean(axis=(0, 1, 2))
return mean, np.sqrt(np.maximum(second - mean**2, 0))
---
centered = image.astype(float)
centered = centered - self.mean
return centered / self.std
---
first = samples[0]
combined = dict()
for key in first:
    combined[key] = np.concatenate([np.asarray(s[key])[None] for s in samples])
return combined
---
full_batches = len(self.dataset) // self.batch_size
leftover = len(self.dataset) - full_batches * self.batch_size
if leftover == 0 or self.drop_last:
    return full_batches
return full_batches + 1
---
size = self.batch_size
indices = np.arange(len(self.dataset))
if self.shuffle:
    indices = self.rng.permutation(indices)
num_full = len(indices) // size
for i in range(num_full):
    yield combine_samples([self.dataset[j] for j in indices[i * size : (i + 1) * size]])
rest = indices[num_full * size :]
if len(rest) and not self.drop_last:
    yield combine_samples([self.dataset[j] for j in rest])
""",
    "u0008": """
return len(list(self.paths))
---
image = load_image(self.paths[index]) if self.images is None else self.images[index]
if callable(self.transform):
    image = self.transform(image)
sample = {"image": image, "label": self.labels[index]}
return sample
---
in_range = np.array(self.in_range, dtype=float)
out_range = np.array(self.out_range, dtype=float)
factor = np.diff(out_range)[0] / np.diff(in_range)[0]
return (image - in_range[0]) * factor + out_range[0]
---
C = images.shape[-1]
by_channel = np.moveaxis(images, -1, 0).reshape(C, -1)
return by_channel.mean(axis=1), by_channel.std(axis=1)
---
mean, std = self.mean, self.std
return (image - mean) / std
---
batch = {}
for field in samples[0].keys():
    entries = [sample[field] for sample in samples]
    batch[field] = np.stack(entries)
return batch
---
rounding = np.floor if self.drop_last else np.ceil
return int(rounding(len(self.dataset) / self.batch_size))
---
from itertools import islice

count = len(self.dataset)
source = iter(self.rng.permutation(count) if self.shuffle else range(count))
while True:
    chosen = list(islice(source, self.batch_size))
    if not chosen or (self.drop_last and len(chosen) < self.batch_size):
        return
    yield combine_samples([self.dataset[i] for i in chosen])
""",
}

Modules = dict[str, str]


def honest_answers() -> dict[str, Modules]:
    """The modules of each of the eight, by student and file name."""
    return {student: _filled(answer) for student, answer in _ANSWERS.items()}


def _filled(answer: str) -> Modules:
    blocks = [block.strip("\n") for block in answer.strip("\n").split("\n---\n")]
    modules = {}
    for name in ("image_folder.py", "dataloader.py"):
        text = (EXERCISE.folder / name).read_text(encoding="utf-8")
        modules[name] = _HOLE.sub(lambda match: textwrap.indent(blocks.pop(0), match.group(1)) + "\n", text)
    assert not blocks
    return modules


def mixed_answer(choices: list[int]) -> Modules:
    """An answer that takes each of its eight parts from one of the eight students."""
    parts = [answer.strip("\n").split("\n---\n") for answer in _ANSWERS.values()]
    return _filled("\n---\n".join(parts[choice % len(parts)][i] for i, choice in enumerate(choices)))


def copies_of(modules: Modules) -> dict[str, Modules]:
    """What somebody hands in who copies and then hides it, by what was done."""
    ways: dict[str, Callable[[str], str]] = {
        "untouched": lambda text: text,
        "renamed": renamed,
        "reordered": lambda text: ast.unparse(_Reordered().visit(ast.parse(text))),
        "split": lambda text: ast.unparse(_Split().visit(ast.parse(text))),
        "requoted": lambda text: text.replace("'", '"').replace("    ", "\t"),
        "commented": lambda text: re.sub(r"(?m)^( +)(return|if|for|yield) ", r"\1# now the next step\n\1\2 ", text),
        "all of it": lambda text: ast.unparse(_Split().visit(_Reordered().visit(ast.parse(renamed(text))))),
    }
    return {how: {name: change(text) for name, text in modules.items()} for how, change in ways.items()}


def renamed(text: str) -> str:
    """The module with other names for everything that is assigned to inside of functions, and as Python lays it out."""
    return ast.unparse(_Renamed().rename(ast.parse(text)))


class _Renamed(ast.NodeTransformer):
    def rename(self, tree: ast.Module) -> ast.AST:
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        stored = {
            node.id
            for function in functions
            for node in ast.walk(function)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        self.names = {name: f"my_{i}_{name[::-1]}" for i, name in enumerate(sorted(stored))}
        return ast.fix_missing_locations(self.visit(tree))

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(self.names.get(node.id, node.id), node.ctx)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(self.names.get(node.arg, node.arg), node.annotation)


class _Reordered(ast.NodeTransformer):
    """Functions and classes, and the methods of a class, from last to first."""

    def visit_Module(self, node: ast.Module) -> ast.AST:
        kinds = (ast.FunctionDef, ast.ClassDef)
        rest = [child for child in node.body if not isinstance(child, kinds)]
        return ast.Module(rest + [self.visit(c) for c in reversed(node.body) if isinstance(c, kinds)], [])

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.body = node.body[:1] + node.body[:0:-1]
        return node


class _Split(ast.NodeTransformer):
    """What is returned gets a name first."""

    def visit_Return(self, node: ast.Return) -> object:
        if node.value is None or isinstance(node.value, ast.Name):
            return node
        named = ast.Assign([ast.Name("answer", ast.Store())], node.value)
        return [ast.fix_missing_locations(ast.copy_location(n, node)) for n in (named, ast.Return(ast.Name("answer")))]
