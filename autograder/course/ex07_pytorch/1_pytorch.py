# %% [markdown]
# # Exercise 7: PyTorch
#
# **To pass:** 75 of 100 points. **Time:** about 25 minutes.
#
# **What you will build:** ReLU, the activation between the layers of most networks.
#
# **What you need:** numpy's arrays, and what a derivative is.
#
# **Where you write code:** in [layers.py](../../exercise_code/ex07_pytorch/layers.py). Open it beside this notebook.
#
# | task | what you do | check | points |
# |---|---|---|---|
# | 1 | write `relu` in `layers.py` | `relu` | 90 |
# | 2 | answer a question in words | | 10 |

# %% [markdown]
# Run this cell first. Its first two lines make sure that this notebook always uses your files as they are on disk.

# %%
# %load_ext autoreload
# %autoreload 2
# %matplotlib inline

import matplotlib.pyplot as plt
import numpy as np

from exercise_code import check, submit
from exercise_code.common.plotting import course_style
from exercise_code.ex07_pytorch.layers import relu

# %% [markdown]
# ## Why an activation?
#
# Two linear layers in a row are one linear layer: $W_2 (W_1 x) = (W_2 W_1)\, x$. However many of them you stack, the
# network can only draw a straight line. Between two layers it needs something that is *not* linear: an activation.

# %% [markdown]
# ## The idea
#
# The **rectified linear unit** (ReLU) keeps what is positive and turns the rest into 0:
#
# $$ \text{relu}(x) = \max(x, 0) $$
#
# Here it is beside the sigmoid, which networks used before:

# %%
x = np.linspace(-4, 4, 81)
with course_style():
    figure, ax = plt.subplots(figsize=(5, 2.8))
ax.plot([-4, 0, 4], [0, 0, 4], label="ReLU")
ax.plot(x, 1 / (1 + np.exp(-x)), "--", label="sigmoid")
ax.set(xlabel="x", ylabel="activation(x)")
ax.legend()
plt.show()

# %% [markdown]
# ## A worked example
#
# Take $x = (-1.5,\ 0,\ 2)$. The larger of $-1.5$ and $0$ is $0$, the larger of $0$ and $0$ is $0$, the larger of $2$
# and $0$ is $2$. So $\text{relu}(x) = (0,\ 0,\ 2)$. In plain Python:

# %%
[max(value, 0) for value in (-1.5, 0, 2)]

# %% [markdown]
# **Think:** what is $\text{relu}(\text{relu}(x))$?
#
# <details><summary>Open this when you have an answer.</summary>
#
# The same as $\text{relu}(x)$: after the first time nothing is negative, so the second time changes nothing.
# </details>

# %% [markdown]
# ## Task 1: write ReLU (90 points)
#
# ●○○ · about 10 minutes · [layers.py](../../exercise_code/ex07_pytorch/layers.py)
#
# Write `relu`.
#
# - in: `x`, an array of floats or integers, of any shape; it stays as it is
# - out: a new array with the shape and dtype of `x`
#
# <details><summary>Hint: where to look</summary>
#
# numpy has a function that compares two arrays element by element. It also compares an array with a number.
# </details>

# %% role="checks" grade_id="relu" points=90
check("relu")

# %% [markdown]
# ## A look at the result
#
# Half of all normally distributed numbers are negative, so ReLU should turn about half of them into zeros. You should
# see a share between 0.49 and 0.51. If you see 0, your function still lets negative values through.

# %%
values = np.random.default_rng(0).normal(size=10_000)
activations = relu(values)
print(f"share of zeros: {(activations == 0).mean():.2f}")

with course_style():
    figure, ax = plt.subplots(figsize=(5, 2.8))
ax.hist([values, activations], bins=np.linspace(-3, 3, 25), label=["before ReLU", "after ReLU"])
ax.set(xlabel="value", ylabel="how many of 10,000")
ax.legend()
plt.show()

# %% [markdown] role="written" grade_id="written_slope" points=10
# ## Task 2: why not a sigmoid? (10 points)
#
# ●●○ · about 10 minutes · two or three sentences
#
# Look at the two curves above. Why does a deep network learn faster with ReLU than with sigmoids?
#
# ### BEGIN SOLUTION
# The gradient of a layer is multiplied by the slope of its activation. A sigmoid's slope is at most 1/4, and almost 0
# where its input is large, so after many layers hardly any gradient is left. ReLU's slope is 1 wherever its input is
# positive, and the gradient passes unchanged.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 5 points: the sigmoid's slope is small (at most 1/4, or vanishing for large inputs).
# - 5 points: the gradient is multiplied by it in each layer, whereas ReLU's slope of 1 keeps it.
# - "ReLU is faster to compute" alone: 2 points.
# ### END MARKING GUIDE

# %% [markdown]
# ## What you learned
#
# - Without an activation between them, linear layers collapse into one.
# - ReLU is the elementwise maximum of its input and 0.
# - A function that returns a new array leaves its caller's data alone.

# %% [markdown]
# ## Hand in
#
# Fill in your answer above, save the notebook, and run this cell. It packs the notebook and your module into a zip, and
# tries it out the way the grader will.

# %%
submit("ex07_pytorch")

# %% [markdown]
# ## Read on
#
# - [Deep sparse rectifier neural networks](https://proceedings.mlr.press/v15/glorot11a.html), the paper that made ReLU
#   popular
# - [Activation functions](https://d2l.ai/chapter_multilayer-perceptrons/mlp.html) in *Dive into Deep Learning*
