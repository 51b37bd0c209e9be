# %% [markdown]
# # Exercise 4, part 1: linear regression
#
# **What you will build:** a model that predicts the price of a house, two losses that say how wrong it is, their
# gradients, and an optimizer that makes it better. All of it in numpy, and all of it comes back in exercises 5 and 6.
#
# **To pass:** 80 of 100 points, for parts 1 and 2 together. Part 1 has 55 of them.
#
# **Time:** about 90 minutes (part 2, the classifier and the solver, takes another 90).
#
# **What you need:** numpy's arrays with `axis` and broadcasting (exercise 3), matrix products, and the chain rule.
#
# **Where you write code:** in five files, each linked from its task. Open them beside this notebook. The notebook itself
# is for trying things out.
#
# | task | what you write | difficulty | points |
# |---|---|---|---|
# | 1 | `Standardizer.fit` and `transform` | ●●○ | 8 |
# | 2 | `loss_examples` | ●○○ | 6 |
# | 3 | `L1Loss` and `MSELoss` | ●●○ | 14 |
# | 4 | `LinearModel.forward` and `backward` | ●●○ | 12 |
# | 5 | `Optimizer.step` and `SGD._update` | ●●○ | 10 |
# | 6 | an answer in words | ●●○ | 5 |

# %% [markdown]
# Run this cell first. Its first two lines make sure that this notebook always uses your files as they are on disk:
# save the file, run a cell, and the new code is there.

# %%
# %load_ext autoreload
# %autoreload 3
# %matplotlib inline

import time

import numpy as np

from exercise_code import check, load_dataset
from exercise_code.common.metrics import R2Score
from exercise_code.ex04_solver.checking import numeric_gradient
from exercise_code.ex04_solver.examples import loss_examples
from exercise_code.ex04_solver.linear_model import LinearModel
from exercise_code.ex04_solver.losses import L1Loss, MSELoss
from exercise_code.ex04_solver.optimizer import SGD
from exercise_code.ex04_solver.pictures import (
    show_chain,
    show_curves,
    show_fit,
    show_houses,
    show_regression_losses,
    show_split,
    show_surface,
)
from exercise_code.ex04_solver.preprocessing import Standardizer

# %% [markdown]
# ## Why start with a straight line?
#
# You want to sell a house. What is it worth? An estate agent looks at the living area first: the larger, the more expensive. A
# linear model does the same, and learns from houses that have been sold how many dollars a square foot is worth.
#
# It is the smallest model that learns, and it learns just as a network with millions of weights does: predict,
# measure how wrong that was, find out in which direction each weight should move, and move it a little. Once you have
# written these four steps, you have seen what happens inside every deep-learning library.
#
# The next cell prints where its houses come from. "Embedded" means that they are made up on your computer, "real" that
# they have really been sold; real ones are only used if they are on your computer already. The numbers in this text
# are those of the made-up houses; those of the real houses follow in brackets.

# %%
train, val = load_dataset("housing", split="train"), load_dataset("housing", split="val")
print("features:", train.features.shape, " prices:", train.prices.shape)

# %% [markdown]
# Each house has 17 numbers. Here are some of them for four houses, three picked by hand and one with a gap:

# %%
shown = ["GrLivArea", "OverallQual", "YearBuilt", "LotFrontage"]
unknown = np.isnan(train.features[:, train.columns.index("LotFrontage")])
picked = [0, 4, 11, int(np.flatnonzero(unknown)[0])]

print("house " + "".join(f"{name:>13}" for name in shown) + "        price")
for i in picked:
    row = [train.features[i, train.columns.index(name)] for name in shown]
    print(f"{i:5} " + "".join(f"{value:13,.0f}" for value in row) + f"{train.prices[i]:13,.0f}")

# %% [markdown]
# `GrLivArea` is the living area in square feet (ten are about one square metre), `OverallQual` a grade from 1 to 10,
# `LotFrontage` the length of street in front of the house. `nan`, "not a number", means that nobody wrote it down.
#
# This is the picture that an estate agent has in mind, with the four houses in it:

# %%
area = train.features[:, train.columns.index("GrLivArea")]
show_houses(area, train.prices, picked)

# %% [markdown]
# Two things to keep in mind: there is a clear trend, and it is not the whole story. Houses of the same size differ by a
# hundred thousand dollars and more.

# %% [markdown]
# ## 1. Good input
#
# In exercise 3 you subtracted a mean and divided by a standard deviation, for each colour of an image. Here the columns
# need that even more: a year is about 1970, a quality about 6, a lot about 10,000. For column $j$:
#
# $$ z_{ij} = \frac{x_{ij} - \mu_j}{\sigma_j} $$
#
# Two things are new.
#
# **Three splits.** The model learns from the *training* houses. With the *validation* houses we measure how good it is
# on houses that it has not seen. These have to be treated as any house that comes along later, so $\mu$ and $\sigma$
# come from the training houses alone, and are used for all:

# %%
show_split({"train": len(train), "val": len(val), "test": 292})

# %% [markdown]
# **Missing values.** One NaN spoils every sum that it is part of. So it has to be left out when $\mu$ and $\sigma$ are
# computed, and replaced afterwards. A good guess for a number that nobody knows is the mean, and the mean becomes 0.
#
# **By hand,** for a column with the training values 1, NaN and 3: $\mu = (1 + 3) / 2 = 2$ and
# $\sigma = \sqrt{(1^2 + 1^2) / 2} = 1$. The values become $-1$, $0$ and $1$. A validation house with the value 6 becomes
# $(6 - 2) / 1 = 4$.
#
# numpy's usual functions pass NaN on; for each there is another one that skips it:

# %%
values = np.array([1.0, np.nan, 3.0])
print("mean:", values.mean(), "  nanmean:", np.nanmean(values))
print("where:", np.isnan(values), "  NaN == NaN:", np.nan == np.nan)

# %% [markdown]
# ## Task 1: standardise (8 points)
#
# ●●○ · about 10 minutes · [preprocessing.py](../../exercise_code/ex04_solver/preprocessing.py)
#
# Fill in the two methods of `Standardizer`.
#
# `fit`:
#
# - **in:** `X`, a float array of shape (N, D), which may hold NaN
# - **out:** the standardizer itself (so that `Standardizer().fit(X)` can stand in one line), after `self.mean` and
#   `self.std`, both of shape (D,), have been set. A column without spread gets the std 1 instead of 0.
#
# `transform`:
#
# - **in:** `X`, a float array of shape (M, D), from the training data or not
# - **out:** a new float array of shape (M, D) without NaN. The array that came in must not change.
#
# <details><summary>Hint 1: where to look</summary>
#
# `np.nanmean` and `np.nanstd` have the argument `axis`, as `mean` and `std` have. To replace NaN, look at
# `np.nan_to_num` or at `np.where` with `np.isnan`.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# One number for each column: the axis that goes away is that of the rows. `transform` looks at `self.mean` and `self.std`
# only, never at the mean of the X that it gets. Subtract and divide first; NaN stays NaN on the way, and becomes 0 at the
# end.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `self.mean = np.nanmean(X, axis=...)`; `np.where(std == 0, ..., std)` for the columns without spread; `return self`. And
# `np.nan_to_num((X - ...) / ...)`.
#
# </details>

# %% role="checks" grade_id="standardize" points=8
check("standardize")

# %% [markdown]
# **A look at the result,** for the columns of the table above.

# %%
standardizer = Standardizer().fit(train.features.astype(float))
X_train = standardizer.transform(train.features.astype(float))
X_val = standardizer.transform(val.features.astype(float))

print("                  train            val")
print("               mean    std     mean    std")
for name in shown:
    j = train.columns.index(name)
    numbers = [f(X[:, j]) for X in (X_train, X_val) for f in (np.mean, np.std)]
    print(f"{name:12}" + "".join(f"{value:8.2f}" for value in numbers))

# %% [markdown]
# For the training houses you should see mean 0 (or −0) and std 1, but for `LotFrontage` a std of about 0.91: every sixth
# value is a filled-in 0. For the validation houses the means are within 0.1 of 0 and the stds between 0.7 and 1.1, but not
# equal to 0 and 1. If they are, then `transform` uses the mean and the std of the houses that it gets.
#
# The prices get the same treatment, so that the model's weights need not be in the hundred thousands. A model predicts a
# column, one row for each house, so the prices become a column, too:

# %%
price_scale = Standardizer().fit(train.prices.astype(float).reshape(-1, 1))
y_train = price_scale.transform(train.prices.astype(float).reshape(-1, 1))
y_val = price_scale.transform(val.prices.astype(float).reshape(-1, 1))
print("targets:", y_train.shape, " one unit is", f"{price_scale.std[0]:,.0f} dollars")

# %% [markdown]
# ## 2. How wrong is it?
#
# A **loss** turns predictions and targets into one number: the smaller, the better. For $n$ predictions $p$ and targets
# $t$ these two are the most common:
#
# $$ \text{L1} = \frac{1}{n} \sum_{i=1}^{n} |p_i - t_i| \qquad\qquad
#    \text{MSE} = \frac{1}{n} \sum_{i=1}^{n} (p_i - t_i)^2 $$
#
# L1 is the mean absolute error, MSE the mean squared error.
#
# **By hand:** the predictions 3, 1, 2 for the targets 1, 5, 2 are off by 2, −4 and 0. L1 is $(2 + 4 + 0) / 3 = 2$, MSE is
# $(4 + 16 + 0) / 3 \approx 6.667$.
#
# Before you write code that computes something, write down what should come out. It sounds slow and saves hours: you
# notice what you have not understood yet, and the code has something to be held against. So first some examples.
#
# Good examples catch mistakes. Imagine that somebody forgets the mean, the sign or the square: would one of your examples
# come out wrong? The example with the predictions 5 and the targets 5 would not, for every loss is 0 there. Vary them:
# one sample and several, more than one column, errors to both sides, numbers for which L1 and MSE are *not* the same.
#
# ## Task 2: examples first (6 points)
#
# ●○○ · about 8 minutes · [examples.py](../../exercise_code/ex04_solver/examples.py)
#
# Fill in `loss_examples`. It computes nothing: it returns examples that you have worked out by hand.
#
# - **in:** nothing
# - **out:** a list of 4 to 20 dicts like this one, at least two for each loss. Together the predictions and the targets
#   of an example are 50 numbers at most; the value may be off by less than 0.001.
#
# ```python
# {"loss": "mse", "predictions": [[1.0], [4.0]], "targets": [[1.0], [2.0]], "value": 2.0}
# ```
#
# The check looks at the form alone. Whether the values are right you will see for yourself after the next task. When your
# work is graded, six wrong losses are run on your examples. Each one that an example catches earns points; if an example
# contradicts a right loss, none do.

# %% role="checks" grade_id="loss_examples" points=6
check("loss_examples")

# %% [markdown]
# ## 3. Losses and their slopes
#
# To make a loss smaller, we need to know in which direction each prediction should move. That is what the **gradient**
# says: how fast the loss grows when the prediction grows. Positive means: this prediction is too large. ("The gradient
# for the predictions" is short for "the gradient of the loss with respect to the predictions".)
#
# For one difference $d = p - t$ the cost $|d|$ has the slope $1$ or $-1$, and $d^2$ has the slope $2d$. In the mean, each
# prediction is one of $n$, so its share is $1/n$ of that:
#
# $$ \frac{\partial\, \text{L1}}{\partial p_i} = \frac{1}{n}\, \text{sign}(p_i - t_i) \qquad\qquad
#    \frac{\partial\, \text{MSE}}{\partial p_i} = \frac{2}{n}\, (p_i - t_i) $$

# %%
show_regression_losses()

# %% [markdown]
# For MSE, one house that is off by 10 costs as much as a hundred that are off by 1. L1 takes such outliers more calmly:
# the slope is the same however far off a prediction is. At $d = 0$ it has a kink and no slope; we take 0 there.
#
# **By hand,** for the predictions 3, 1, 2 and the targets 1, 5, 2 again: the gradient of L1 is
# $(1, -1, 0) / 3$, that of MSE is $2 \cdot (2, -4, 0) / 3 \approx (1.33, -2.67, 0)$. The first prediction is too large,
# the second too small, the third is right.
#
# One trap is waiting here. A column minus a flat array is no error in numpy:

# %%
column, flat = np.array([[3.0], [1.0], [2.0]]), np.array([1.0, 5.0, 2.0])
print("shapes", column.shape, "and", flat.shape, "give", (column - flat).shape)
print(column - flat)

# %% [markdown]
# Every prediction minus every target: broadcasting stretches both. The mean of these nine numbers looks like a loss, and
# training on it finds the wrong model without a word of complaint. That is why `losses.py` has `require_same_shape`. Call
# it first.
#
# ## Task 3: two losses (14 points)
#
# ●●○ · about 15 minutes · [losses.py](../../exercise_code/ex04_solver/losses.py)
#
# Fill in `forward` and `backward` of `L1Loss` and of `MSELoss`. Leave `BCELoss` for part 2.
#
# - **in:** `predictions` and `targets`, float arrays of the same shape, often (N, 1). Neither may be changed. If the
#   shapes differ, a `ValueError` is raised.
# - **out:** `forward` returns a float, the mean over *all* entries; `backward` returns the gradient for the predictions,
#   a new array of their shape
#
# <details><summary>Hint 1: where to look</summary>
#
# `np.abs`, `np.sign` and the methods `mean` and `size` of an array. What does `np.sign(0.0)` give?
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# All four are formulas from above, written for whole arrays. How many entries are there in an array of shape (3, 2)? Not
# 3.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# After the call of `require_same_shape`: `float(np.abs(...).mean())` for L1, and
# `2 * (...) / predictions.size` for the gradient of MSE. The other two differ in one function each.
#
# </details>

# %% role="checks" grade_id="losses_regression" points=14
check("losses_regression")

# %% [markdown]
# **A look at the result:** your examples against your code.

# %%
LOSSES = {"l1": L1Loss(), "mse": MSELoss()}

for example in loss_examples():
    predictions, targets = (np.array(example[key], dtype=float) for key in ("predictions", "targets"))
    value = LOSSES[example["loss"]].forward(predictions, targets)
    verdict = "agree" if abs(value - example["value"]) < 1e-3 else "DIFFER"
    print(f"{example['loss']:4} {predictions.shape}: by hand {example['value']:g}, by code {value:g}: {verdict}")

# %% [markdown]
# Every line should end in "agree". If one differs, work it out once more: the checks of the code are green, so it is most
# likely the example. Fix it in `examples.py`.
#
# Is a gradient right? There is a test that needs no formula. Move one prediction by a tiny $h$ to both sides, and see how
# much the loss changes:
#
# $$ \frac{\partial L}{\partial p_i} \approx \frac{L(p_i + h) - L(p_i - h)}{2h} $$
#
# `numeric_gradient` in [checking.py](../../exercise_code/ex04_solver/checking.py) does that for each entry. It is far too
# slow for training, and perfect for finding mistakes.

# %%
rng = np.random.default_rng(0)
predictions, targets = rng.normal(size=(5, 1)), rng.normal(size=(5, 1))

for name, loss in LOSSES.items():
    by_formula = loss.backward(predictions, targets)
    measured = numeric_gradient(lambda p, loss=loss: loss.forward(p, targets), predictions)
    print(f"{name:4} largest difference: {np.abs(by_formula - measured).max():.0e}")

# %% [markdown]
# Expect about 1e-11, and never more than 1e-8. A difference of 0.1 or more is a wrong formula: often a missing $1/n$.
#
# ## 4. The model
#
# A linear model multiplies each feature by a weight, adds everything up, and adds a bias:
#
# $$ p_i = \sum_{j=1}^{D} x_{ij}\, w_j + b \qquad \text{or, for all samples at once,} \qquad p = X w + b $$
#
# **By hand,** with $w = (0.5, -0.25)$ and $b = 0.25$: the row $x = (3, 1)$ gives
# $3 \cdot 0.5 + 1 \cdot (-0.25) + 0.25 = 1.5$.
#
# The matrix product does for all rows what a loop does row by row. Is it worth the trouble? Measure:

# %%
weight, bias = rng.normal(size=(17, 1)), np.zeros(1)

start = time.perf_counter()
slow = np.zeros((len(X_train), 1))
for i in range(len(X_train)):
    for j in range(17):
        slow[i, 0] += X_train[i, j] * weight[j, 0]
    slow[i, 0] += bias[0]
loop_seconds = time.perf_counter() - start

start = time.perf_counter()
fast = X_train @ weight + bias
matrix_seconds = time.perf_counter() - start

print(f"loops {1000 * loop_seconds:.2f} ms, matrix product {1000 * matrix_seconds:.3f} ms:", end=" ")
print(f"{loop_seconds / matrix_seconds:,.0f} times as fast, largest difference {np.abs(slow - fast).max():.0e}")

# %% [markdown]
# Expect 50 to 200 times as fast, with the same numbers up to rounding (some 1e-15). Training does this thousands of times.
#
# **Backward.** The loss hands back `dout`, its gradient for each prediction (short for "derivative for the output":
# predictions are what the model puts out). The model has to turn that into gradients for its parameters. This is the chain rule: a weight $w_j$ moves the prediction $p_i$ by $x_{ij}$, and the
# prediction moves the loss by $\text{dout}_i$; over all samples that adds up.
#
# $$ \frac{\partial L}{\partial w_j} = \sum_{i=1}^{N} \text{dout}_i\, x_{ij} \qquad\qquad
#    \frac{\partial L}{\partial b} = \sum_{i=1}^{N} \text{dout}_i $$

# %%
show_chain(
    [("X", "(N, D)"), ("model\nX w + b", "predictions\n(N, 1)"), ("loss", "a float")],
    ["", "dout\n(N, 1)"],
    "forward to the loss, and back to the parameters",
    params=(1, "parameters w, b", "gradients"),
)

# %% [markdown]
# **By hand,** for two samples with one feature, $x = (2, -1)$, and $\text{dout} = (0.5, 1)$: the gradient for the
# weight is $0.5 \cdot 2 + 1 \cdot (-1) = 0$, and that for the bias $0.5 + 1 = 1.5$. Both samples want a smaller bias;
# about the weight they disagree.
#
# Look at the sum over $i$ once more. It runs over the rows of $X$, so as a matrix product it needs the transpose. The
# shapes alone tell you: (D, 1) has to come from (N, D) and (N, 1).
#
# ## Task 4: the linear model (12 points)
#
# ●●○ · about 12 minutes · [linear_model.py](../../exercise_code/ex04_solver/linear_model.py)
#
# Fill in `forward` and `backward` of `LinearModel`. Its `__init__` is written already: it makes `self.params`, a dict with
# "weight" of shape (D, 1) and "bias" of shape (1,).
#
# - **in:** `forward` gets `X` of shape (N, D); `backward` gets `dout` of shape (N, 1), for the X of the last `forward`
# - **out:** `forward` returns the predictions, shape (N, 1); `backward` returns a dict with the keys and the shapes of
#   `self.params`, and changes nothing
#
# <details><summary>Hint 1: where to look</summary>
#
# `backward` does not get X. Who has seen it last, and where can it keep it? (Any attribute of `self` will do.)
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Check shapes on paper: (N, D) @ (D, 1) + (1,) for the predictions, (D, N) @ (N, 1) for the weights. The bias's gradient
# is a sum over axis 0, of shape (1,). Do not divide by N: `dout` has that in it already.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `forward` puts X into an attribute, `self._X = ...`, before it returns `X @ ... + ...`. `backward` returns
# `{"weight": ... @ dout, "bias": ...}`.
#
# </details>

# %% role="checks" grade_id="linear_model" points=12
check("linear_model")

# %% [markdown]
# **A look at the result:** the gradients of the whole chain, model and loss, by your code and measured.

# %%
model, loss = LinearModel(num_features=17, seed=1), MSELoss()
X, y = X_train[:50], y_train[:50]

grads = model.backward(loss.backward(model.forward(X), y))
for name, param in model.params.items():
    measured = numeric_gradient(lambda _: loss.forward(model.forward(X), y), param)
    print(f"{name:6} {grads[name].shape}  largest difference: {np.abs(grads[name] - measured).max():.0e}")

# %% [markdown]
# Expect about 1e-10 for both. If the difference is as large as the gradient itself, then `dout` is not used, or divided by
# N a second time.
#
# ## 5. A step downhill
#
# The gradient of the loss for a parameter points uphill. So **gradient descent** takes a step the other way. How long
# it is, the **learning rate** $\eta$ sets:
#
# $$ w \leftarrow w - \eta\, \frac{\partial L}{\partial w} $$
#
# **By hand:** with the learning rate 0.1 the parameter 2 with the gradient 5 becomes $2 - 0.1 \cdot 5 = 1.5$.
#
# In this course an optimizer is an object with a method `step(params, grads)`. It goes through all parameters and applies
# a rule, `_update`, to each. The rule of this exercise is called `SGD`. (The S, for *stochastic*, comes in part 2.) In
# exercise 5 you write better rules; `step` stays as it is.
#
# The arrays have to be changed **in place**. Look at the difference:

# %%
params = {"weight": np.array([1.0, 2.0])}
held_by_the_model = params["weight"]

param = params["weight"]
param = param - 0.5  # makes a new array, and calls that one `param`
print("after param = param - 0.5:", held_by_the_model)

param = params["weight"]
param -= 0.5  # changes the numbers in the array itself
print("after param -= 0.5:       ", held_by_the_model)

# %% [markdown]
# ## Task 5: the optimizer (10 points)
#
# ●●○ · about 8 minutes · [optimizer.py](../../exercise_code/ex04_solver/optimizer.py)
#
# Fill in `Optimizer.step` and `SGD._update`.
#
# - **in:** `step` gets `params` and `grads`, two dicts of arrays with the same keys, perhaps in another order; `_update`
#   gets the name of one parameter, its array and its gradient
# - **out:** nothing. `step` calls `self._update(name, param, grad)` once for each parameter; `SGD._update` changes `param`
#   in place and leaves `grad` alone.
#
# <details><summary>Hint 1: where to look</summary>
#
# A dict's `items()` gives its keys and values in pairs, for a loop. The learning rate is in `self.learning_rate`.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# `step` knows no rule. It finds the gradient that belongs to each name, and leaves the rest to `_update`, which every
# subclass writes for itself. SGD's rule is the formula above, with an operator that changes the array itself.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# In the loop: `self._update(name, param, grads[...])`. And the rule: `param -= ... * grad`.
#
# </details>

# %% role="checks" grade_id="optimizer" points=10
check("optimizer")

# %% [markdown]
# ## 6. Training
#
# Everything is there. This function is the whole of training: predict, measure, go back, step, and again.


# %%
def descend(model, X, y, learning_rate, num_steps):
    """The loss before each step, and the parameters before each step and after the last one, as rows."""
    loss, optimizer = MSELoss(), SGD(learning_rate)
    losses, track = [], [np.concatenate([param.ravel() for param in model.params.values()])]
    for _ in range(num_steps):
        predictions = model.forward(X)
        losses.append(loss.forward(predictions, y))
        optimizer.step(model.params, model.backward(loss.backward(predictions, y)))
        track.append(np.concatenate([param.ravel() for param in model.params.values()]))
    return losses, np.array(track)


# %% [markdown]
# We begin with a single feature, the living area:

# %%
j = train.columns.index("GrLivArea")
living_train, living_val = X_train[:, [j]], X_val[:, [j]]

model = LinearModel(num_features=1)
losses, track = descend(model, living_train, y_train, learning_rate=0.1, num_steps=40)
show_curves({"training": losses}, "gradient descent with one feature")
print(f"loss {losses[0]:.3f} at the start, {losses[-1]:.3f} at the end")
print(f"R² on validation houses: {R2Score()(model.forward(living_val), y_val):.2f}")

# %% [markdown]
# The loss should fall from 1.00 to about 0.43 within 20 steps and stay there, and $R^2$ should be about 0.64 (the real
# houses give 0.51 for both). It starts at 1 because the model begins with predictions near 0, and standardised targets have
# the variance 1. If it stays at 1, then the steps do not reach the model's arrays. If it grows, then they go uphill.
#
# $R^2$ is the share of the variance that the model explains: 1 is perfect, 0 is no better than the mean price for every
# house.
#
# Here is the line that it has learned, with what it was like before. The orange strokes are the errors of some houses;
# the mean of their squares, over all houses, is what the descent makes small.

# %%
area_mean, area_std = standardizer.mean[j], standardizer.std[j]
price_mean, price_std = price_scale.mean[0], price_scale.std[0]


def in_dollars(weight, bias):
    """Slope and start of the line price = slope * area + start."""
    slope = weight * price_std / area_std
    return slope, price_mean + bias * price_std - slope * area_mean


show_fit(area, train.prices, {f"after {k} steps": in_dollars(*track[k]) for k in (0, 3, 8, 40)})
print(f"one more square foot costs {in_dollars(*track[-1])[0]:.0f} dollars more")

# %% [markdown]
# The first line is flat, at the mean price, and each step tilts it towards the houses. In the end a square foot
# should cost about 131 dollars (104 for the real houses). If the last line misses the cloud of houses, then look at
# the check of Task 4 again.
#
# ## 7. How long a step?
#
# A model with one weight and one bias has a loss that can be drawn: for each pair of them a value, dark where it is small.
# Three descents start at the same place, with three learning rates. Guess first what happens at 0.02 and at 1.05.

# %%
tracks, curves = {}, {}
for learning_rate in (0.02, 0.3, 1.05):
    model = LinearModel(num_features=1)
    model.params["weight"][...], model.params["bias"][...] = -0.6, 1.4
    curves[f"learning rate {learning_rate}"], track = descend(model, living_train, y_train, learning_rate, 15)
    tracks[f"learning rate {learning_rate}"] = track

show_surface(living_train, y_train, tracks)
show_curves(curves, "three learning rates", log=True)

# %% [markdown]
# You should see three different paths. At 0.02 the descent crawls, with a loss of about 1.55 after 15 steps. At 0.3 it is at
# the bottom after five or six, with about 0.43. At 1.05 every step jumps across the bowl and ends higher than it began: the
# loss is about 67, and the path has left the picture. (The real houses give 1.58, 0.51 and 64.) The curves below
# the bowls show the loss *before* each step, so each of them ends one step earlier. If all three look alike, then the
# learning rate is not used.
#
# **Think.** At the learning rate 0.5 the descent would be at the bottom after a single step. Why? (The loss is a round
# bowl here: with standardised inputs it is $\text{const} + (w - w^*)^2 + (b - b^*)^2$.)
#
# <details><summary>Open this when you have an answer.</summary>
#
# The gradient for $w$ is $2 (w - w^*)$. A step with the learning rate 0.5 subtracts $0.5 \cdot 2 (w - w^*) = w - w^*$, which
# leads straight to $w^*$. With more than 0.5 the step goes too far, and up the other side; from 1 on it ends higher
# than it began. Real losses are no round bowls, so nobody can compute the best rate: people try 0.1, 0.01, 0.001.
#
# </details>
#
# ## 8. Every feature
#
# So far the model has used one number of 17. With all of them:

# %%
model = LinearModel(num_features=17)
losses, _ = descend(model, X_train, y_train, learning_rate=0.05, num_steps=400)
predictions = model.forward(X_val)

dollars = price_std * np.sqrt(MSELoss().forward(predictions, y_val))
print(f"training loss {losses[-1]:.3f}, validation loss {MSELoss().forward(predictions, y_val):.3f}")
print(f"R² on validation houses: {R2Score()(predictions, y_val):.2f}; typical error {dollars:,.0f} dollars")

largest = np.argsort(-np.abs(model.params["weight"].ravel()))[:5]
print("largest weights:", ", ".join(f"{train.columns[k]} {model.params['weight'][k, 0]:.2f}" for k in largest))

# %% [markdown]
# The training loss should be about 0.19, the validation loss 0.15 and $R^2$ 0.85, with a typical error of about
# 33,000 dollars (the real houses give 0.23, 0.13, 0.84 and 29,000). That the validation loss is the smaller one is
# luck: there are fewer unusual houses among the 292. If $R^2$ has not improved, then look at what `forward` does with
# several columns.
#
# Living area and quality have the largest weights. As all columns are standardised, weights can be compared: one standard
# deviation more of living area adds about 0.28 standard deviations to the price.

# %% [markdown] role="written" grade_id="written_scale" points=5
# ## Task 6: raw numbers (5 points)
#
# ●●○ · about 8 minutes · answer in this cell
#
# A classmate skips the standardizer. The only feature is the area in square feet, about 1,500, and the targets are
# standardised prices. With the learning rate 0.1 the loss is `inf` after fewer than 30 steps. With a learning rate of 0.0000001
# it falls, and then hardly moves any more, though the line is still far from the best one. Answer in three to five
# sentences, with a reason for each:
#
# 1. Why does the loss explode at 0.1? Look at the formula for the gradient of the weight.
# 2. Why is there no single learning rate that is good for the weight *and* for the bias here?
#
# ### BEGIN SOLUTION
# The gradient for the weight is the sum of dout times x, so inputs of about 1,500 make it about 1,500 times as large as
# with standardised inputs; the curvature of the loss for the weight even grows with the square, by a factor of some two
# million. A step of 0.1 times that gradient jumps far beyond the minimum to a place where the loss and its gradient are
# larger still, and each further step makes it worse.
#
# The bias is multiplied by 1, not by 1,500: its gradient and the curvature for it stay as small as ever. A learning rate
# that is small enough for the weight moves the bias by next to nothing, one that suits the bias makes the weight explode.
# (The loss is a long, narrow valley.) Standardised inputs give both the same scale, so that one rate suits both.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 2 points: the gradient of the weight contains x as a factor, so large inputs make large gradients, and the step
#   overshoots, further each time. 1 point for "the steps are too large" without the factor x.
# - 3 points: the scales of weight and bias differ (x against 1): a rate that is safe for the weight is far too small for
#   the bias, and the other way round; a narrow valley in words or a sketch counts. 1 point without a reason.
# - "The learning rate has to be tuned" alone: no points.
# ### END MARKING GUIDE

# %% [markdown]
# ## What you learned
#
# - Mean and standard deviation come from the training data alone, and are used for everything else.
# - A loss is one number; its gradient says for each prediction in which direction, and how urgently, it should move.
# - `backward` passes that on to the parameters: `X.T @ dout` for the weights, a sum for the bias.
# - The optimizer changes the parameters in place, against the gradient. Too short steps take forever, too long ones
#   climb.
# - A numeric gradient finds wrong formulas without knowing the right one.
#
# ## Hand in
#
# You hand in parts 1 and 2 together, with the last cells of `2_logistic_regression_and_solver.ipynb`. Save this notebook
# now, so that your answer to Task 6 is in the file. In part 2 the model learns to say "cheap or expensive?", and a solver takes
# care of the training.
#
# ## Read on
#
# - [Linear regression](https://d2l.ai/chapter_linear-regression/linear-regression.html) in *Dive into Deep Learning*.
# - [Optimization](https://cs231n.github.io/optimization-1/) in the notes of Stanford's CS231n: gradients, numeric and by
#   formula.
