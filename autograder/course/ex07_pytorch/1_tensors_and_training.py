# %% [markdown]
# # Exercise 7: PyTorch
#
# **What you will build:** the parts that every training in PyTorch is made of: tensors, gradients that compute themselves,
# layers, a training step, validation, and the loop around them. The steps that you write here come back in exercises 8, 10
# and 11.
#
# **To pass:** 65 of 100 points, all three parts together. **Time:** about three hours for this part, and an hour for each of
# the other two.
#
# **What you need:** numpy, and the idea of a gradient. Exercises 4 to 6 built by hand what PyTorch does for you from now on.
#
# **Where you write code:** in [tensors.py](../../exercise_code/ex07_pytorch/tensors.py),
# [gradients.py](../../exercise_code/ex07_pytorch/gradients.py), [network.py](../../exercise_code/ex07_pytorch/network.py) and
# [training.py](../../exercise_code/ex07_pytorch/training.py).
#
# | task | what you write | file | difficulty | points |
# |---|---|---|---|---|
# | 1 | `images_to_tensor` | `tensors.py` | ●○○ | 4 |
# | 2 | an answer in words | | ●●○ | 3 |
# | 3 | `squared_distances` | `tensors.py` | ●●○ | 5 |
# | 4 | `gradient_at` | `gradients.py` | ●○○ | 5 |
# | 5 | `descend` | `gradients.py` | ●●○ | 6 |
# | 6 | `round_straight_through` | `gradients.py` | ●●○ | 3 |
# | 7 | `Linear` | `network.py` | ●○○ | 4 |
# | 8 | `Standardize` | `network.py` | ●●○ | 4 |
# | 9 | `MLP` | `network.py` | ●●○ | 5 |
# | 10 | `train_step` | `training.py` | ●○○ | 6 |
# | 11 | `evaluate` | `training.py` | ●●○ | 6 |
# | 12 | `fit` | `training.py` | ●●● | 8 |
# | 13 | four bugs in `traps.py` | [part 2](2_when_pytorch_complains.ipynb) | ●●○ | 12 |
# | 14 to 16 | a model for CIFAR-10, trained and handed in | [part 3](3_cifar10.ipynb) | ●●● | 29 |

# %% [markdown]
# Run this cell first. Its first two lines make sure that this notebook always uses your files as they are on disk.

# %%
# %load_ext autoreload
# %autoreload 3
# %matplotlib inline

import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from exercise_code import check, get_device, load_dataset, seed_everything
from exercise_code.ex07_pytorch.gradients import descend, gradient_at, round_straight_through
from exercise_code.ex07_pytorch.network import MLP, Linear, Standardize
from exercise_code.ex07_pytorch.pictures import (
    show_broadcast,
    show_graph,
    show_lines,
    show_neighbours,
    show_path,
    show_views,
)
from exercise_code.ex07_pytorch.tensors import images_to_tensor, squared_distances
from exercise_code.ex07_pytorch.training import evaluate, fit, train_step

seed_everything(7)
print("PyTorch", torch.__version__)

# %% [markdown]
# ## 1. Tensors
#
# A **tensor** is PyTorch's array. Nearly all of numpy carries over: shapes, slices, broadcasting, `@`. Three things are new. A
# tensor knows on which *device* it lies, it can remember how it was *computed*, and its floats are `float32` unless you say
# otherwise.

# %%
t = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
print(t.shape, t.dtype, t.device)
print(t[:, 1], t.sum(dim=0), t.mean().item(), sep="\n")

# %% [markdown]
# `.item()` turns a tensor with a single value into a Python number. To and from numpy:

# %%
array = np.ones(3)
shared = torch.from_numpy(array)
array[0] = 100
print("the tensor sees what happened to the array:", shared)
print("float64 comes along, and no layer likes it:", shared.dtype, "->", shared.float().dtype)

# %% [markdown]
# `torch.from_numpy` does not copy: both look at the same memory. That is fast, and a trap. It gets its own section below.
#
# Pictures come as (N, height, width, 3) with bytes from 0 to 255. PyTorch's layers want the **channels first**,
# (N, 3, height, width), and floats. Swapping axes is not the same as reshaping:

# %%
picture = np.arange(6).reshape(1, 2, 3)
print("one row of two pixels, three colours each:\n", picture)
print("permuted, the reds are together:", torch.from_numpy(picture).permute(2, 0, 1).flatten().tolist())
print("reshaped, nothing has moved:    ", torch.from_numpy(picture).reshape(3, 1, 2).flatten().tolist())

# %% [markdown]
# ## Task 1: pictures as tensors (4 points)
#
# ●○○ · about 5 minutes · [tensors.py](../../exercise_code/ex07_pytorch/tensors.py)
#
# Write `images_to_tensor`.
#
# - **in:** `images`, a numpy array of uint8, (N, height, width, 3)
# - **out:** a tensor of float32, (N, 3, height, width), with values from 0 to 1

# %% role="checks" grade_id="pytorch_images" points=4
check("pytorch_images")

# %% [markdown]
# The pictures of this exercise are those of exercises 3, 5 and 6. `load_dataset` prints from which of two sources they come:
# drawings that your computer makes itself in a few seconds (`embedded`), or the photographs of CIFAR-10 (`real`), if they are on
# your disk already. Nothing is downloaded: only `source="real"` would do that, 170 MB, once. **The grader uses drawings, unless
# your instructor has announced photographs.**

# %%
train_set, val_set = load_dataset("cifar10", split="train"), load_dataset("cifar10", split="val")
train_images, val_images = images_to_tensor(train_set.images), images_to_tensor(val_set.images)
train_labels, val_labels = torch.from_numpy(train_set.labels), torch.from_numpy(val_set.labels)
print("train:", tuple(train_images.shape), train_images.dtype, " val:", tuple(val_images.shape))

# %% [markdown]
# ### Views: one memory, many tensors
#
# In memory a tensor is one long row of numbers. Its shape and its **strides** say how to walk through that row: how many numbers
# to step over for the next row, and for the next column. So `reshape`, `permute`, `T`, slices and `[None]` need not move a single
# number. They give a **view**: another tensor with other steps, on the same memory.

# %%
show_views()

# %%
row = torch.arange(6)
table = row.reshape(2, 3)
print("steps of the table:", table.stride(), " of its transpose:", table.T.stride())

table[0, 0] = 100
print("written into the table, seen in the row:", row.tolist())

copy = row.clone()
copy[1] = -1
print("written into a clone, not seen in the row:", row.tolist())

# %% [markdown]
# What writes into memory is easy to tell: an assignment to `t[...]`, the operators `+=`, `-=`, `*=`, `/=`, and every method that
# ends in an underscore (`add_`, `clamp_`, `zero_`). **These reach every view of that memory**, wherever it is in your program.
# `t = t + 1` makes a new tensor; `t += 1` does not.

# %% [markdown] role="written" grade_id="written_views" points=3
# ## Task 2: who else sees it? (3 points)
#
# ●●○ · about 5 minutes · answer in this cell
#
# A classmate wants to train on slightly darker pictures. In each epoch she makes every batch like this:
#
# ```
# batch = images[start : start + 32]
# batch *= 0.9
# ```
#
# It runs, but after a few epochs her network slowly gets worse on the validation set, where it should get better. What happens to
# `images`, why does it matter more with every epoch, and which one change fixes it?
#
# ### BEGIN SOLUTION
# A slice is a view: batch and images share their memory. `*=` writes into it, so the pictures of the data set itself get darker,
# and in the next epoch the dark ones get darker still: 0.9, 0.81, 0.73 times as bright, and after 20 epochs 0.12 times. The network
# learns from ever darker pictures, and validation looks less and less like them. `batch = batch * 0.9` makes a new tensor and
# leaves images alone (or `.clone()` after the slice).
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 1 point: a slice is a view, batch shares memory with images.
# - 1 point: *= writes in place, so the data set itself gets darker, in each epoch once more (the factors multiply).
# - 1 point: a new tensor in place of *=, or a clone of the slice.
# ### END MARKING GUIDE

# %% [markdown]
# ### Broadcasting
#
# Where shapes differ, PyTorch repeats along axes of length 1, without copying. It lines shapes up **from the right**, and adds
# axes of length 1 on the left where one shape is shorter.

# %%
show_broadcast()

# %%
column, row = torch.tensor([[0], [10], [20]]), torch.tensor([0, 1, 2, 3])
print((column + row).shape, "from", tuple(column.shape), "and", tuple(row.shape))

# %% [markdown]
# The rule makes loops unnecessary, and it makes mistakes silent: (3, 1) and (3,) give (3, 3), whether you meant it or not.
#
# How similar are two pictures? The simplest answer: the sum of the squared differences of their pixels. By hand, for two rows in
# $a$ and one row in $b$:
#
# $$ a = \begin{pmatrix} 0 & 0 \\ 1 & 1 \end{pmatrix}, \quad b = \begin{pmatrix} 3 & 4 \end{pmatrix}, \quad
#    d = \begin{pmatrix} 3^2 + 4^2 \\ 2^2 + 3^2 \end{pmatrix} = \begin{pmatrix} 25 \\ 13 \end{pmatrix} $$
#
# ## Task 3: all distances at once (5 points)
#
# ●●○ · about 10 minutes · [tensors.py](../../exercise_code/ex07_pytorch/tensors.py)
#
# Write `squared_distances`, without a loop.
#
# - **in:** `a`, floats (N, D), and `b`, floats (M, D)
# - **out:** the squared distance of each row of `a` to each row of `b`, (N, M)
#
# <details><summary>Hint 1: where to look</summary>
#
# The cell above: a column and a row meet in a table. Here each entry of the column and of the row is a whole vector.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Give `a` one more axis, so that (N, 1, D) meets (M, D). The difference has the shape (N, M, D). Square it and sum over one axis.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `a[:, None]` has the shape (N, 1, D). Which of the three axes has to go, 0, 1 or 2?
#
# </details>

# %% role="checks" grade_id="pytorch_distances" points=5
check("pytorch_distances")

# %% [markdown]
# A first classifier without any training: find the most similar training picture and take its label.
#
# Broadcasting has a price: all differences are in memory at once, (N, M, D) of them. For 200 pictures against 1,000 these are
# $200 \cdot 1000 \cdot 3072$ numbers, 2.5 GB, and their squares need as much again. So the cell asks for 20 pictures at a time.

# %%
some, many = val_images[:6].flatten(1), train_images[:1000].flatten(1)
nearest = squared_distances(some, many).topk(4, largest=False).indices
names = train_set.classes
show_neighbours(
    val_set.images[:6],
    train_set.images[nearest.numpy()],
    [[names[val_set.labels[i]], *(names[train_set.labels[j]] for j in nearest[i].tolist())] for i in range(6)],
)

pieces = val_images[:200].flatten(1).split(20)
guesses = train_labels[torch.cat([squared_distances(piece, many).argmin(dim=1) for piece in pieces])]
print(f"right among 200: {(guesses == val_labels[:200]).float().mean():.0%}; guessing gives 10 %")

# %% [markdown]
# **Expect** pictures of a similar colour and brightness, and often of another class: 20 to 40 % right. Pixels say too little by
# themselves. Something has to learn what to look at, and for that we need gradients.

# %% [markdown]
# ## 2. Gradients that compute themselves
#
# In exercise 5 you wrote a `backward` for each layer. PyTorch writes it for you. While it computes, it builds a **graph** of what
# was made from what; `backward()` walks it from the end to the start and multiplies derivatives, the chain rule.
#
# With $w = 3$, $x = 2$, $b = -4$:
#
# $$ y = (w x + b)^2 = 2^2 = 4, \qquad \frac{\partial y}{\partial w} = 2 (w x + b) \cdot x = 8, \qquad
#    \frac{\partial y}{\partial b} = 2 (w x + b) = 4 $$

# %%
show_graph()

# %%
w, b = torch.tensor(3.0, requires_grad=True), torch.tensor(-4.0, requires_grad=True)
x = torch.tensor(2.0)
y = (w * x + b) ** 2
print("made by:", y.grad_fn)

y.backward()
print("gradients:", w.grad, b.grad, x.grad)

# %% [markdown]
# `requires_grad=True` says "watch this one". The graph hangs on `y` as its `grad_fn`; the gradients arrive in `.grad` of the tensors
# that are watched. `x` is not, so it has none.
#
# ### Does it equal your gradients of exercise 5?
#
# A linear layer, ReLU, a second linear layer and softmax cross-entropy, with the formulas that you derived there. $S$ are the
# probabilities that softmax gives, and $Y$ the one-hot labels:
#
# $$ dZ = \tfrac{1}{N} (S - Y), \quad dW_2 = H^\top dZ, \quad dH = dZ\, W_2^\top, \quad dA = dH \cdot [A > 0], \quad
#    dW_1 = X^\top dA $$

# %%
rng = np.random.default_rng(7)
X, labels = rng.normal(size=(5, 4)), np.array([0, 2, 1, 1, 0])
W1, W2 = rng.normal(size=(4, 6)), rng.normal(size=(6, 3))

# By hand, in numpy.
A = X @ W1
H = np.maximum(A, 0)
Z = H @ W2
S = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
grad_scores = (S - np.eye(3)[labels]) / len(X)
by_hand = {"W2": H.T @ grad_scores, "W1": X.T @ ((grad_scores @ W2.T) * (A > 0))}

# By autograd.
watched = {name: torch.tensor(value, requires_grad=True) for name, value in (("W1", W1), ("W2", W2))}
scores = torch.relu(torch.from_numpy(X) @ watched["W1"]) @ watched["W2"]
nn.functional.cross_entropy(scores, torch.from_numpy(labels)).backward()

for name, gradient in by_hand.items():
    difference = np.abs(gradient - watched[name].grad.numpy()).max()
    print(f"{name}: largest difference {difference:.1e}, gradients up to {np.abs(gradient).max():.2f}")

# %% [markdown]
# **Expect** differences around 1e-16: not similar, but the same computation.
#
# ### Gradients add up
#
# `backward` does not set `.grad`, it **adds** to it:

# %%
w = torch.tensor(3.0, requires_grad=True)
for _ in range(3):
    (w * w).backward()
    print(w.grad.item())

# %% [markdown]
# The slope of $w^2$ at 3 is 6, each time. But the cell prints 6, 12, 18. That is useful where a loss has several parts, and
# it is the most frequent bug in training loops.
#
# ## Task 4: the gradient of any function (5 points)
#
# ●○○ · about 10 minutes · [gradients.py](../../exercise_code/ex07_pytorch/gradients.py)
#
# Write `gradient_at`. It has to be a good guest: after the call, `x` is what it was.
#
# - **in:** `function`, which turns a tensor into a single number, and `x`, a float tensor of any shape
# - **out:** the gradient at `x`, a tensor of the shape of `x`

# %% role="checks" grade_id="pytorch_gradient" points=5
check("pytorch_gradient")

# %% [markdown]
# With it you can ask for derivatives that nobody wants to work out by hand, such as that of $\sin(x^2) / (1 + e^{-x})$:


# %%
def wild(x):
    return (torch.sin(x**2) / (1 + torch.exp(-x))).sum()


x, step = torch.linspace(-2, 3, 6).double(), 1e-5
numeric = [(wild(at + step) - wild(at - step)).item() / (2 * step) for at in x]
print("autograd:", [round(value, 4) for value in gradient_at(wild, x).tolist()])
print("numeric: ", [round(value, 4) for value in numeric])

# %% [markdown]
# ### Steps are not part of the function
#
# Now go downhill. There is one difficulty. A step changes the very tensor that autograd watches, and autograd would watch that, too:
# the step would become part of the graph. `torch.no_grad()` switches the watching off for a block:

# %%
w = torch.tensor(3.0, requires_grad=True)
print("watched:    ", (w - 1).requires_grad)
with torch.no_grad():
    print("not watched:", (w - 1).requires_grad)

# %% [markdown]
# By hand for $f(w) = w^2$ from $w = 1$ with a learning rate of 0.25: the slope is 2, so $w$ becomes $1 - 0.25 \cdot 2 = 0.5$; there
# the slope is 1, so $w$ becomes $0.25$. The values before the steps are 1 and 0.25.
#
# ## Task 5: gradient descent (6 points)
#
# ●●○ · about 15 minutes · [gradients.py](../../exercise_code/ex07_pytorch/gradients.py)
#
# Write `descend`.
#
# - **in:** `function`, `start`, `lr` and `num_steps`
# - **out:** the point after the last step, not watched; and a list with the value before each step, Python floats
#
# <details><summary>Hint 1: where to look</summary>
#
# Your `gradient_at` makes a tensor of its own and watches it. Here it lives longer than one step.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# In each step: compute the value and its gradient, note the value as a number, move the point without being watched. Make sure
# that the next gradient starts from zero.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `point -= lr * point.grad` inside `with torch.no_grad():`, then `point.grad = None`. At the end `detach`.
#
# </details>

# %% role="checks" grade_id="pytorch_descent" points=6
check("pytorch_descent")


# %%
def valley(point):
    """A narrow valley: steep in the second number, flat in the first."""
    return 0.15 * point[0] ** 2 + point[1] ** 2


start = torch.tensor([-2.6, 1.9])
points = [start] + [descend(valley, start, lr=0.85, num_steps=n)[0] for n in range(1, 16)]
show_path(valley, torch.stack(points).numpy())

# %% [markdown]
# **Expect** a zigzag across the valley and slow progress along it. Set `lr=0.3` for a smooth path, and `lr=1.05` for one that leaves
# the picture.
#
# ### Cutting the graph
#
# `detach()` gives a tensor with the same values and no past: for autograd it is a constant. An example where that does something
# surprising. To run a network on a cheap chip, its weights are rounded to whole steps. But **rounding has the slope 0 nearly
# everywhere**, so no gradient comes through, and nothing is learned:

# %%
w = torch.tensor(2.7, requires_grad=True)
y = (w.round() - 5) ** 2
y.backward()
print("rounded:", w.round().item(), " gradient:", w.grad.item())

# %% [markdown]
# The way out is a polite lie, called a *straight-through estimator*: round on the way forward, and on the way back behave as if
# nothing had been done.
#
# ## Task 6: straight through (3 points)
#
# ●●○ · about 10 minutes · [gradients.py](../../exercise_code/ex07_pytorch/gradients.py)
#
# Write `round_straight_through`.
#
# - **in:** `x`, a float tensor
# - **out:** its rounded values, whose gradient with respect to `x` is 1 everywhere
#
# <details><summary>Hint 1: where to look</summary>
#
# `detach` cuts off what it is applied to, and nothing else.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# The rounded value is `x` plus some difference. What is the derivative of this sum, if the difference is a constant?
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# One addition, one subtraction, one `round`, one `detach`. Only the part in brackets is detached.
#
# </details>

# %% role="checks" grade_id="pytorch_detach" points=3
check("pytorch_detach")


# %%
def distance_to_five(rounding):
    return lambda w: ((rounding(w) - 5) ** 2).sum()


for name, rounding in {"plain": torch.round, "straight through": round_straight_through}.items():
    end, values = descend(distance_to_five(rounding), torch.tensor([0.3]), lr=0.05, num_steps=40)
    print(f"{name:17} {values[0]:5.1f} -> {values[-1]:5.1f}, w = {end.item():.2f}")

# %% [markdown]
# **Expect** the plain one to stay at 25, and the other one to end at 0.

# %% [markdown]
# ## 3. Devices
#
# A tensor lies in the memory of one device: `cpu`, `cuda` (an NVIDIA GPU) or `mps` (an Apple chip). Computation happens where the
# tensors are, and both sides of an operation have to be in the same place. `.to(device)` copies to a device, if it is not there
# already.

# %%
device = get_device("auto")
a, b = torch.rand(1000, 1000), torch.rand(1000, 1000)
for name in dict.fromkeys(["cpu", device.type]):
    left, right = a.to(name), b.to(name)
    start = time.perf_counter()
    product = (left @ right).sum().item()
    print(f"{name}: {1000 * (time.perf_counter() - start):.1f} ms, the result is on {left.device}")

# %% [markdown]
# Two rules are enough: **move the model once, move each batch**. `model.to(device)` moves a module's parameters in place; for a
# tensor you have to keep the result, `batch = batch.to(device)`. Below everything stays on the CPU, since the networks are small.

# %% [markdown]
# ## 4. Modules
#
# An `nn.Module` is a bag of parameters with a `forward`. The smallest one that can learn something:


# %%
class Scale(nn.Module):
    """One number, by which everything is multiplied."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(2.0))

    def forward(self, x):
        return self.factor * x


scale = Scale()
print(scale(torch.tensor([1.0, 10.0])))
print(dict(scale.named_parameters()))

# %% [markdown]
# Every module is written like this one. Three things to remember:
#
# - `super().__init__()` comes first: it makes the bag.
# - An `nn.Parameter` that becomes an attribute goes into the bag. An optimizer finds it there, `state_dict()` saves it, `.to(device)`
#   moves it.
# - You call the module, `scale(x)`, not `scale.forward(x)`.
#
# ## Task 7: a layer of your own (4 points)
#
# ●○○ · about 10 minutes · [network.py](../../exercise_code/ex07_pytorch/network.py)
#
# Write `Linear`, both `__init__` and `forward`: $y = x W^\top + b$. It has the form of `torch.nn.Linear`.
#
# - **in:** `x`, floats (..., num_in)
# - **out:** floats (..., num_out)

# %% role="checks" grade_id="pytorch_layer" points=4
check("pytorch_layer")

# %%
mine, theirs = Linear(3, 2), nn.Linear(3, 2)
theirs.load_state_dict(mine.state_dict())
x = torch.rand(4, 3)
print("largest difference to torch's own:", (mine(x) - theirs(x)).abs().max().item())

# %% [markdown]
# The state of yours fits torch's, because names and shapes are the same.
#
# ### Numbers that belong to a model and are not trained
#
# Networks learn faster from numbers around 0. So the pictures are standardised with the mean and the standard deviation of each
# channel *of the training set*. These six numbers belong to the model: whoever loads it needs them. But an optimizer must not touch
# them. Such tensors are **buffers**, registered by name:
#
# `self.register_buffer("mean", ...)`
#
# ## Task 8: standardise (4 points)
#
# ●●○ · about 10 minutes · [network.py](../../exercise_code/ex07_pytorch/network.py)
#
# Write `Standardize`. Mind broadcasting: the mean has the shape (3,), and the last axis of a picture is its width.
#
# - **in:** `images`, floats (N, 3, height, width)
# - **out:** the same shape, (image - mean) / std in each channel
#
# <details><summary>Hint 1: where to look</summary>
#
# The docstring of `__init__` shows a buffer. Shapes are lined up from the right: which axis of (N, 3, height, width) would (3,)
# meet?
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# (3, 1, 1) lines up with (N, 3, height, width) as it should.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `torch.tensor(mean, dtype=torch.float32)` in the buffer, `self.mean[:, None, None]` where it is used.
#
# </details>

# %% role="checks" grade_id="pytorch_buffer" points=4
check("pytorch_buffer")

# %%
mean, std = train_images.mean(dim=(0, 2, 3)).tolist(), train_images.std(dim=(0, 2, 3)).tolist()
standardize = Standardize(mean, std)
answer = standardize(train_images)
print("means:", answer.mean(dim=(0, 2, 3)).tolist())
print("saved:", list(standardize.state_dict()), " trained:", list(standardize.parameters()))

# %% [markdown]
# **Expect** three means near 0 (1e-6 or less), two saved names, and nothing that is trained.
#
# ### Modules of modules
#
# A module may hold modules; the bag holds bags. `nn.Sequential` runs its modules one after the other. A plain Python list is *not* a
# bag: what is in it is invisible. `nn.ModuleList` is the list that is one.

# %%
hidden, seen = nn.Module(), nn.Module()
hidden.layers = [nn.Linear(3, 2)]
seen.layers = nn.ModuleList([nn.Linear(3, 2)])
print("in a list:", len(list(hidden.parameters())), " in a ModuleList:", len(list(seen.parameters())))

# %% [markdown]
# ## Task 9: a network of any number of layers (5 points)
#
# ●●○ · about 15 minutes · [network.py](../../exercise_code/ex07_pytorch/network.py)
#
# Write `MLP`, a *multilayer perceptron*: linear layers with ReLU and dropout between them.
#
# - **in:** `x`, floats (batch_size, ...), such as pictures
# - **out:** floats (batch_size, sizes[-1])
#
# <details><summary>Hint 1: where to look</summary>
#
# Exercise 5's `Network._build` made such a list of layers. `nn.Linear`, `nn.ReLU()` and `nn.Dropout(dropout)` are modules.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Collect modules in a plain list first, three for each pair of sizes. Nothing comes after the last linear layer. Then make an
# `nn.Sequential` from the list.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `nn.Sequential(*modules)` takes the modules one by one. If you appended ReLU and dropout after *each* linear layer, the last two are
# too many. In `forward`, flatten first.
#
# </details>

# %% role="checks" grade_id="pytorch_mlp" points=5
check("pytorch_mlp")

# %%
seed_everything(7)
model = nn.Sequential(Standardize(mean, std), MLP([3 * 32 * 32, 100, 10], dropout=0.1))
print(model)
print("parameters:", f"{sum(p.numel() for p in model.parameters()):,}")
print("logits:", tuple(model(train_images[:5]).shape))

# %% [markdown]
# **Expect** 308,310 parameters: $3072 \cdot 100 + 100 + 100 \cdot 10 + 10$.

# %% [markdown]
# ## 5. Training
#
# An **optimizer** holds the parameters and knows how to change them by their gradients. With it, one step has four lines, always in this
# order:
#
# 1. forget the gradients of the step before: `optimizer.zero_grad()`
# 2. predictions, and their loss
# 3. gradients: `.backward()` on the loss
# 4. change the parameters: `optimizer.step()`
#
# Here it is in slow motion, for one parameter, `SGD` with a learning rate of 0.1, and $y = w^2$ in place of a loss:

# %%
w = nn.Parameter(torch.tensor(3.0))
optimizer = torch.optim.SGD([w], lr=0.1)
optimizer.zero_grad()
y = w**2
y.backward()
print("before the step: w =", w.item(), " gradient =", w.grad.item())
optimizer.step()
print(f"after the step:  w = {w.item():.1f}, which is 3 - 0.1 * 6")

# %% [markdown]
# ## Task 10: one step of training (6 points)
#
# ●○○ · about 10 minutes · [training.py](../../exercise_code/ex07_pytorch/training.py)
#
# Write `train_step`. You will use it in this exercise and in three more, so it takes the loss as an argument: `loss` is a function of
# predictions and targets.
#
# - **in:** `model`, `inputs`, `targets`, `optimizer`, `loss`
# - **out:** the value of the loss before the step, a Python float

# %% role="checks" grade_id="pytorch_step" points=6
check("pytorch_step")

# %% [markdown]
# The first test of every network: can it learn one batch by heart?

# %%
seed_everything(7)
model = nn.Sequential(Standardize(mean, std), MLP([3 * 32 * 32, 100, 10]))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
losses = [train_step(model, train_images[:20], train_labels[:20], optimizer) for _ in range(60)]
show_lines({"the same 20 pictures, 60 times": losses}, "loss")

# %% [markdown]
# **Expect** a start near 2.3, the loss of guessing among ten ($\ln 10$), and an end below 0.1. If it stays where it is, look at the order of
# the four lines.
#
# And what happens to your step when nothing is forgotten? A line through 100 points of $y = 2x$:


# %%
class NeverForgets(torch.optim.SGD):
    """An optimizer whose gradients are never forgotten."""

    def zero_grad(self, set_to_none=True):
        pass


x = torch.linspace(-1, 1, 100)[:, None]
losses = {}
for name, kind in {"with zero_grad": torch.optim.SGD, "without": NeverForgets}.items():
    seed_everything(7)
    model = nn.Linear(1, 1)
    optimizer = kind(model.parameters(), lr=0.1)
    losses[name] = [train_step(model, x, 2 * x, optimizer, nn.functional.mse_loss) for _ in range(60)]
show_lines(losses, "loss", expected="y = 2x, the same data and learning rate")

# %% [markdown]
# **Expect** one curve that falls to 0, and one that swings forever: old gradients keep pushing long after they were right. PyTorch says
# nothing about it.
#
# ### Validation
#
# Some layers do different things in training and afterwards: dropout drops only in training, batch normalisation uses the batch's
# statistics only in training. `model.train()` and `model.eval()` set the **mode**. A third thing is independent of it:
# `torch.no_grad()` saves the time and memory of a graph that nobody needs.

# %%
model = MLP([3 * 32 * 32, 100, 10], dropout=0.5)
model.train()
print("training:  ", [round(model(train_images[:1])[0, 0].item(), 3) for _ in range(4)])
model.eval()
print("evaluation:", [round(model(train_images[:1])[0, 0].item(), 3) for _ in range(4)])

# %% [markdown]
# **Expect** four different numbers, then four equal ones.
#
# And one trap in the arithmetic. Two batches, of 4 samples and of 1, with mean losses 1.0 and 3.0. The mean over all samples is
# $(4 \cdot 1.0 + 1 \cdot 3.0) / 5 = 1.4$, not 2.0.
#
# ## Task 11: validation (6 points)
#
# ●●○ · about 15 minutes · [training.py](../../exercise_code/ex07_pytorch/training.py)
#
# Write `evaluate`. It is a good guest as well: the model is left in the mode it was in.
#
# - **in:** `model`, `batches` of (inputs, labels), `loss`
# - **out:** the mean loss and the accuracy over all samples, two Python floats
#
# <details><summary>Hint 1: where to look</summary>
#
# `model.training` is True or False. The arithmetic above says what to add up.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Note the mode, then set evaluation mode. In a loop without gradients add up three numbers: losses, right answers, samples. Put the mode
# back, divide.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# The class with the highest logit is `logits.argmax(dim=1)`. Compared with the labels it gives True and False, which `.sum()` counts.
# `model.train(noted)` sets the mode that you noted.
#
# </details>

# %% role="checks" grade_id="pytorch_evaluate" points=6
check("pytorch_evaluate")

# %% [markdown]
# ### Batches
#
# `TensorDataset` pairs tensors, `DataLoader` cuts them into batches, shuffled anew each time it is looped over. You wrote both in
# exercise 3.

# %%
val_batches = DataLoader(TensorDataset(val_images, val_labels), batch_size=200)
val_loss, accuracy = evaluate(model, val_batches)
print(f"before any training: loss {val_loss:.2f}, accuracy {accuracy:.0%}")

# %% [markdown]
# **Expect** about 2.3 and about 10 %. If an untrained network is much better or worse, something is wrong.
#
# ## Task 12: the loop (8 points)
#
# ●●● · about 25 minutes · [training.py](../../exercise_code/ex07_pytorch/training.py)
#
# Write `fit`: epochs of steps, a validation after each, and in the end the parameters of the best epoch. Call your `train_step` and
# your `evaluate`.
#
# One trap remains, and it is about views again. `model.state_dict()` does not copy. It *refers* to the parameters that the optimizer
# goes on changing, so a kept state dict silently becomes that of the last epoch:

# %%
layer = nn.Linear(1, 1)
kept = layer.state_dict()
with torch.no_grad():
    layer.weight.fill_(42)
print("kept before, and yet:", kept["weight"].item())

# %% [markdown]
# - **in:** `model`, `train_batches`, `val_batches`, `optimizer`, `num_epochs`, `loss`
# - **out:** a dict with the lists `"train_loss"`, `"val_loss"` and `"val_accuracy"`; the model has its best parameters
#
# <details><summary>Hint 1: where to look</summary>
#
# The docstring says what an epoch is. `copy.deepcopy` copies a dict and the tensors in it.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Start with a best accuracy below all others. In each epoch: training mode, a list of losses, validation, three numbers noted. If the
# accuracy is higher than the best one so far, keep it and a copy of the state. After the last epoch load what was kept.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# Five lines inside a loop over epochs, then an `if` that compares two accuracies. Hand `loss` on to both functions. The model may
# come in evaluation mode, so call `model.train()` before the steps. Once before the loop is enough, as your `evaluate` leaves the
# mode as it was; at the start of each epoch it does no harm.
#
# </details>

# %% role="checks" grade_id="pytorch_fit" points=8
check("pytorch_fit")

# %%
seed_everything(7)
model = nn.Sequential(Standardize(mean, std), MLP([3 * 32 * 32, 100, 10], dropout=0.1))
train_batches = DataLoader(TensorDataset(train_images, train_labels), batch_size=100, shuffle=True)
history = fit(model, train_batches, val_batches, torch.optim.Adam(model.parameters(), lr=1e-3), num_epochs=15)

best = int(np.argmax(history["val_accuracy"]))
print(f"best epoch {best + 1}: accuracy {history['val_accuracy'][best]:.0%}")
print(f"the model now: {evaluate(model, val_batches)[1]:.0%}")
show_lines({"training": history["train_loss"], "validation": history["val_loss"]}, "loss", "epoch")

# %% [markdown]
# **Expect** an accuracy of 50 to 60 % on the drawn pictures (40 to 45 % on photographs), the same number twice, and a validation loss that
# stops falling while the training loss goes on: the network begins to learn by heart. Part 3 does something about it.
#
# ### Saving and loading
#
# What is saved is the state dict, tensors by name, not the model: whoever loads it needs the code. `torch.save` writes pickles, and **a
# pickle can run code when it is loaded**. `weights_only=True`, the default of today's versions, refuses everything but tensors and
# plain values. `map_location="cpu"` is for files that come from a machine with a GPU.

# %%
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "mlp.pt"
    torch.save(model.state_dict(), path)
    again = nn.Sequential(Standardize([0, 0, 0], [1, 1, 1]), MLP([3 * 32 * 32, 100, 10], dropout=0.1))
    again.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    print(f"{path.stat().st_size / 1e6:.1f} MB; the loaded model: {evaluate(again, val_batches)[1]:.0%}")

# %% [markdown]
# The mean and std came along, since they are buffers: the new model was made with zeros and ones.
#
# > **Think.** `model.eval()` was not called before the last validation. Why is the result right all the same?
#
# <details><summary>Open this when you have an answer.</summary>
#
# Your `evaluate` sets the mode itself. Whoever calls `again(images)` by hand has to do it: a freshly built module is in training mode.
#
# </details>

# %% [markdown]
# ## What you learned
#
# - Views share memory; what writes in place reaches all of them. `clone` copies, `detach` forgets the past.
# - Broadcasting lines shapes up from the right, and never complains when it could mean something else.
# - Autograd computes what you derived by hand. Gradients add up; `no_grad` and `detach` say what is not part of the function.
# - A module finds parameters, buffers and modules that are its attributes. A plain list hides them.
# - zero_grad, predictions and loss, backward, step. Evaluation mode and `no_grad` for validation. Copies for the best epoch.
#
# ## Hand in
#
# You hand in all three parts together, at the end of [part 3](3_cifar10.ipynb). Save this notebook, and go on with
# [part 2](2_when_pytorch_complains.ipynb), which is about errors, and about bugs without any.
#
# ## Read on
#
# - [Autograd mechanics](https://docs.pytorch.org/docs/stable/notes/autograd.html) in PyTorch's documentation.
# - [PyTorch internals](https://blog.ezyang.com/2019/05/pytorch-internals/), Edward Yang, 2019: strides, views and dispatch in pictures.
# - [Automatic differentiation in PyTorch](https://openreview.net/forum?id=BJJsrmfCZ), Paszke and others, 2017: the paper.
