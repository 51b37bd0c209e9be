# %% [markdown]
# # Exercise 7, part 2: when PyTorch complains
#
# **What you will build:** a feeling for error messages. You make the ten errors that everybody makes, read what PyTorch says, and
# fix each. Then come four bugs about which it says nothing at all, and you hunt them.
#
# **Time:** about an hour. **What you need:** [part 1](1_tensors_and_training.ipynb).
#
# **Where you write code:** in [traps.py](../../exercise_code/ex07_pytorch/traps.py), at the end.
#
# | task | what you do | file | difficulty | points |
# |---|---|---|---|---|
# | 13 | find and fix four bugs | `traps.py` | ●●○ | 12 |

# %%
# %load_ext autoreload
# %autoreload 3
# %matplotlib inline

import torch
from torch import nn

from exercise_code import check, seed_everything
from exercise_code.ex07_pytorch.complaints import complaint
from exercise_code.ex07_pytorch.pictures import show_lines
from exercise_code.ex07_pytorch.training import train_step

seed_everything(7)
images, labels = torch.rand(4, 3, 32, 32), torch.tensor([0, 3, 9, 3])

# %% [markdown]
# ## How to read an error
#
# In a cell of your own an error fills the screen. Read it **from the bottom**: the last line says *what*; above it, the lowest arrow
# that points into *your* file says *where*. Everything between is PyTorch's own code, and you can skip it.
#
# Below, `with complaint():` prints the last line and goes on, so that this notebook runs to its end. Before you run a cell, guess
# what it will say.
#
# ### 1. Shapes that do not fit

# %%
layer = nn.Linear(3 * 32 * 32, 10)
with complaint():
    layer(images)

# %% [markdown]
# **Read it:** a product of matrices was tried, 384x32 with 3072x10; the inner numbers, 32 and 3072, have to be equal. The second one is
# the layer's weight. And 384? That is $4 \cdot 3 \cdot 32$: a linear layer takes the *last* axis as its numbers, and all others as
# samples.
#
# **Fix it:** a row for each picture.

# %%
layer(images.flatten(1)).shape

# %% [markdown]
# When shapes do not fit, print them: `print(images.shape)` in front of the line is half of the answer.
#
# ### 2. Two kinds of floats

# %%
with complaint():
    layer(images.flatten(1).double())

# %% [markdown]
# **Read it:** one side is Double (float64), the other Float (float32). float64 nearly always comes from numpy, with
# `torch.from_numpy`. **Fix it** where the data come in, not in the middle of a model:

# %%
layer(images.flatten(1).double().float()).shape

# %% [markdown]
# ### 3. Labels that are not labels
#
# `cross_entropy` has two complaints about labels. They are whole numbers of int64, from 0 to the number of classes minus 1:

# %%
logits = layer(images.flatten(1))
with complaint():
    nn.functional.cross_entropy(logits, labels.float())
with complaint():
    nn.functional.cross_entropy(logits, labels + 1)

# %% [markdown]
# **Read it:** "Long" is int64. And with ten classes there is no class 10. On a GPU the second one is far worse: "device-side assert
# triggered", at some later line, and the kernel has to be restarted. If you see that, run the same batch on the CPU first.
#
# **Fix it:**

# %%
nn.functional.cross_entropy(logits, labels.float().long()).item()

# %% [markdown]
# ### 4. To numpy, from a tensor with a graph

# %%
with complaint():
    logits.numpy()

# %% [markdown]
# **Read it:** numpy cannot watch, so the graph would be lost; PyTorch wants you to say that you know. **Fix it** as it says. For a
# tensor on a GPU, `.cpu()` comes in between.

# %%
logits.detach().cpu().numpy().shape

# %% [markdown]
# ### 5. Backward, twice

# %%
loss = nn.functional.cross_entropy(logits, labels)
loss.backward()
with complaint():
    loss.backward()

# %% [markdown]
# **Read it:** the graph is thrown away while `backward` walks it, to save memory. The message offers `retain_graph=True`. **That is nearly
# always the wrong way out.** Ask instead why the graph of an earlier step is still in use: was the prediction made outside the loop?
# Is a loss added up as a tensor, `total = total + loss`?
#
# **Fix it:** predict anew in each step, and add up numbers, `total += loss.item()`.

# %%
total = 0.0
for _ in range(2):
    loss = nn.functional.cross_entropy(layer(images.flatten(1)), labels)
    loss.backward()
    total += loss.item()
print(total)

# %% [markdown]
# ### 6. Changing a parameter in place

# %%
with complaint():
    layer.weight -= 0.1 * layer.weight.grad

# %% [markdown]
# **Read it:** a *leaf* is a tensor at the start of a graph: a parameter. A step of descent is not part of the function. **Fix it** with
# `no_grad`, or leave it to an optimizer.

# %%
with torch.no_grad():
    layer.weight -= 0.1 * layer.weight.grad
print("changed, and still watched:", layer.weight.requires_grad)

# %% [markdown]
# ### 7. Overwriting what backward needs

# %%
x = torch.ones(3, requires_grad=True)
y = torch.exp(x)
y += 1
with complaint():
    y.sum().backward()

# %% [markdown]
# **Read it:** the derivative of exp is exp itself, so the graph had kept `y`; then `y` was changed in place. The message counts: it is
# at *version 1*, and version 0 was needed. It says "output 0 of Exp", so look for what happens to the output of an `exp`.
#
# **Fix it:** a new tensor.

# %%
x = torch.ones(3, requires_grad=True)
y = torch.exp(x)
y = y + 1
y.sum().backward()
x.grad

# %% [markdown]
# ### 8. Backward from nowhere
#
# `backward` needs a single number, and the graph that it was made by:

# %%
with torch.no_grad():
    loss = nn.functional.cross_entropy(layer(images.flatten(1)), labels)
with complaint():
    loss.backward()
with complaint():
    nn.functional.cross_entropy(layer(images.flatten(1)), labels, reduction="none").backward()

# %% [markdown]
# **Read it:** no `grad_fn` means that nothing was watched: `no_grad`, `detach`, `.item()`, a way through numpy, or only frozen parameters.
# "Only for scalar outputs" means that there is one loss for each sample. **Fix it:** take the mean, outside `no_grad`.

# %%
nn.functional.cross_entropy(layer(images.flatten(1)), labels, reduction="none").mean().backward()

# %% [markdown]
# ### 9. Two devices
#
# Not everybody has a GPU, but everybody has `meta`, a device whose tensors have shapes and no numbers. It complains as a GPU does:

# %%
far_away = nn.Linear(3 * 32 * 32, 10, device="meta")
with complaint():
    far_away(images.flatten(1))

# %% [markdown]
# **Read it:** the model is on one device, the batch on another. With a GPU the message reads "Expected all tensors to be on the same device,
# but found at least two devices, cuda:0 and cpu!". **Fix it:** move the model once, move each batch.

# %%
device = next(layer.parameters()).device
layer(images.flatten(1).to(device)).device

# %% [markdown]
# If it happens *inside* a model, then a tensor there is neither a parameter nor a buffer, or one was made in `forward` without
# `device=x.device`.
#
# ### 10. Weights that do not fit

# %%
model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 10))
with complaint():
    model.load_state_dict(layer.state_dict())
with complaint():
    model.load_state_dict({"1.weight": torch.zeros(20, 3072), "1.bias": torch.zeros(20)})

# %% [markdown]
# **Read it:** "missing" is what the model has and the file lacks, "unexpected" the other way round. Names are the path of attributes, so
# `1.weight` is the weight of the second module. If all names are there with a prefix such as `module.`, the model was saved from within a
# wrapper. "Size mismatch" means the same code with other hyperparameters. **Fix it:** build the model as it was built when it was saved,
# which is why hyperparameters are saved beside the weights. `load_state_dict(..., strict=False)` skips the names that do not fit, so the
# message goes away, and the model keeps random weights there.

# %%
model.load_state_dict({f"1.{name}": tensor for name, tensor in layer.state_dict().items()})

# %% [markdown]
# ## No complaint at all
#
# Ten errors, and all of them were friendly: they told you that something is wrong. Much more time goes into bugs that **run**. You have met
# two: a step without `zero_grad`, and validation in training mode. Here is a third one, which needs only two shapes:


# %%
def train_a_line(loss):
    """The losses of a model that learns y = 2x from 100 points."""
    seed_everything(7)
    x = torch.linspace(-1, 1, 100)[:, None]
    y = 2 * x[:, 0]
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(100):
        train_step(model, x, y, optimizer, loss)
    return model.weight.item()


def looks_right(predictions, targets):
    """The mean of the squared errors, or is it?"""
    errors = predictions - targets
    return (errors * errors).mean()


print(f"slope by a loss that looks right: {train_a_line(looks_right):.2f}")
print(f"slope by a loss that is right:    {train_a_line(lambda p, t: nn.functional.mse_loss(p[:, 0], t)):.2f}")

# %% [markdown]
# **Expect** 0.00 and 2.00. The model was asked to be close to *every* target with each prediction, and the best answer to that is their mean.
# Print the shapes of `predictions`, `targets` and `errors`, and look at the picture of broadcasting in part 1.
#
# Such bugs give you no message to read. What helps are habits:
#
# - print the **shape** of every intermediate result once;
# - compute one value **by hand**;
# - check whether **what should not change** is still the same afterwards;
# - count the **parameters**;
# - let the model learn **one batch by heart**.
#
# ## Task 13: four bugs without a message (12 points)
#
# ●●○ · about 25 minutes · [traps.py](../../exercise_code/ex07_pytorch/traps.py)
#
# The file has four small pieces of code, each with a docstring that is right and code that is not. Each has one bug, and each needs a change
# in one line or two. Find them with the habits above; the checks tell you whether you did.
#
# - **in:** three functions and a module, with one bug each
# - **out:** the same, as their docstrings say
#
# <details><summary>Hint 1: where to look</summary>
#
# Try each by itself in the cell below: call it with a small input, and print what goes in, before and after the call, and shapes and parameters.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# One writes where it should not. One compares each with all. One does something that the next function does once more. One hides what should
# be found.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `dimmed`: an operator with `=` in it. `mean_squared_error`: (N, 1) and (N,). `label_loss`: read what `cross_entropy` expects as its first
# argument. `Committee`: which kind of list do modules find?
#
# </details>

# %%
from exercise_code.ex07_pytorch import traps

# Try each by itself here. This is a start:
predictions, targets = torch.tensor([[1.0], [3.0]]), torch.tensor([1.0, 5.0])
print("shapes:", predictions.shape, targets.shape)
print("by hand: (0 + 4) / 2 = 2; mean_squared_error:", traps.mean_squared_error(predictions, targets))

# %% role="checks" grade_id="pytorch_traps" points=12
check("pytorch_traps")

# %% [markdown]
# How much does one of them cost? Here is the softmax that is applied twice. The network learns in both cases, and that is what makes the
# bug so hard to see:

# %%
curves = {}
for name, loss in {
    "logits": nn.functional.cross_entropy,
    "softmax twice": lambda logits, labels: nn.functional.cross_entropy(logits.softmax(dim=1), labels),
}.items():
    seed_everything(7)
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    batch, targets = torch.rand(20, 3, 32, 32) - 0.5, torch.arange(20) % 10
    losses = []
    for _ in range(80):
        train_step(net, batch, targets, optimizer, loss)
        losses.append(nn.functional.cross_entropy(net(batch), targets).item())
    curves[name] = losses
show_lines(curves, "the real cross-entropy", expected="20 pictures by heart")

# %% [markdown]
# **Expect** the first curve to fall below 0.5 within 20 steps, and the second one to need nearly 80: probabilities lie between 0 and 1, so even a perfect
# answer looks like a hesitant one, and gradients stay small. It learns all the same. Nobody who sees only the second curve would look for a bug.
#
# ## What you learned
#
# - Read an error from the bottom; the shapes, dtypes and names in it are the facts to start from.
# - `retain_graph=True` and `strict=False` silence a message. The bug stays.
# - The expensive bugs have no message. Shapes, one value by hand, what should not change, counts of parameters, one batch by heart.
#
# In [part 3](3_cifar10.ipynb) you train a model with all of this.
#
# ## Read on
#
# - [A recipe for training neural networks](https://karpathy.github.io/2019/04/25/recipe/), Andrej Karpathy, 2019: neural networks fail silently,
#   and what to do about it.
# - [Frequently asked questions](https://docs.pytorch.org/docs/stable/notes/faq.html) in PyTorch's documentation.
