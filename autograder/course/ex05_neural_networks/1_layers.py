# %% [markdown]
# # Exercise 5, part 1: layers
#
# **What you will build:** the layers of a neural network, each with a way forward and a way back, and a test that finds
# mistakes in the way back without knowing its formula.
#
# **To pass:** 60 of 100 points, for parts 1 and 2 together. Part 1 has 49 of them.
#
# **Time:** about 110 minutes (part 2, the network and its training, takes another 130).
#
# **What you need:** exercise 4, where a linear model had a `forward` and a `backward`; matrix products; the chain rule.
#
# **Where you write code:** in three files, each linked from its task. Open them beside this notebook.
#
# | task | what you write | difficulty | points |
# |---|---|---|---|
# | 1 | `affine_examples` | ●●○ | 8 |
# | 2 | `numeric_gradient`, `relative_error` | ●●○ | 10 |
# | 3 | `Affine.forward` and `backward` | ●●○ | 14 |
# | 4 | `ReLU`, `Sigmoid`, `Tanh` | ●●○ | 12 |
# | 5 | an answer in words | ●●○ | 5 |

# %% [markdown]
# Run this cell first. Its first two lines make sure that this notebook always uses your files as they are on disk:
# save the file, run a cell, and the new code is there.

# %%
# %load_ext autoreload
# %autoreload 3
# %matplotlib inline

import time

import numpy as np

from exercise_code import check
from exercise_code.ex04_solver.losses import MSELoss
from exercise_code.ex04_solver.optimizer import SGD
from exercise_code.ex04_solver.pictures import show_chain
from exercise_code.ex05_neural_networks.examples import affine_examples
from exercise_code.ex05_neural_networks.gradient_check import numeric_gradient, relative_error
from exercise_code.ex05_neural_networks.layers import Affine, ReLU, Sigmoid, Tanh
from exercise_code.ex05_neural_networks.pictures import show_activations, show_fits, show_kinks

# %% [markdown]
# ## Why more than one layer?
#
# The models of exercise 4 were straight: a line for prices, a straight border between two classes. Two linear models
# in a row do not help, because a linear function of a linear function is linear, too. It takes something *between*
# them that bends:

# %%
show_kinks()

# %% [markdown]
# On the right, three bent lines add up to a function that no linear model can be. With a hundred of them you get close
# to any curve. A **neural network** does just that: weighted sums, then a bend, then weighted sums again.
#
# The bend in the picture is $\text{relu}(x) = \max(x, 0)$, the *rectified linear unit*. Every network of this
# exercise is made of two kinds of layers: **affine** ones, which compute weighted sums, and **activations**, which
# bend.
#
# ## 1. A way forward and a way back
#
# A network is trained as a linear model is: compute the loss, find its gradient for every parameter, take a step. Only
# the gradients are harder to find. The trick is that no layer needs to know the others. Each answers two questions:
#
# - **forward:** here is your input `x`. What is your output?
# - **backward:** here is `dout`, the gradient of the loss for your output. What is the gradient for your input?
#
# The gradient for a layer's input is the `dout` of the layer before. So gradients travel through the network from the
# loss to the first layer, and each layer finds on the way what it needs for its own parameters. This is
# **backpropagation**, and it is the chain rule and nothing else.

# %%
show_chain(
    [("affine", "(N, 4)"), ("relu", "(N, 4)"), ("affine", "(N, 2)"), ("loss", "a float")],
    ["dx", "dx", "dout"],
    "forward to the loss, and back again",
)

# %% [markdown]
# ## 2. The affine layer, by hand
#
# For samples $x$ of shape $(N, D)$ the layer has a weight matrix $W$ of shape $(D, K)$ and a bias $b$ of shape $(K,)$:
#
# $$ y = x W + b \qquad\text{that is}\qquad y_{nk} = \sum_{d} x_{nd}\, W_{dk} + b_k $$
#
# Now backward. Call the gradient that arrives $g$ (`dout`), of the shape of $y$. How much does the loss change when
# $x_{nd}$ grows a little? Every output $y_{nk}$ of this sample grows by $W_{dk}$ times as much, and the loss cares
# $g_{nk}$ about it. Add that up. The same thought gives the other two:
#
# $$ \frac{\partial L}{\partial x_{nd}} = \sum_k g_{nk}\, W_{dk} \qquad
#    \frac{\partial L}{\partial W_{dk}} = \sum_n x_{nd}\, g_{nk} \qquad
#    \frac{\partial L}{\partial b_k} = \sum_n g_{nk} $$
#
# **By hand,** for one sample with two inputs and two outputs:
#
# $$ x = \begin{pmatrix} 1 & -2 \end{pmatrix} \quad
#    W = \begin{pmatrix} 3 & 0 \\ 1 & 2 \end{pmatrix} \quad
#    g = \begin{pmatrix} 2 & -1 \end{pmatrix} $$
#
# - The gradient for $x$: $(2 \cdot 3 + (-1) \cdot 0,\;\; 2 \cdot 1 + (-1) \cdot 2) = (6, 0)$. It goes along the
#   *rows* of $W$.
# - The gradient for $W$: its rows are $1 \cdot g = (2, -1)$ and $-2 \cdot g = (-4, 2)$.
# - The gradient for $b$: with a single sample it is $g = (2, -1)$. With more samples it is the sum of their rows.
#
# Before you program this, write down what you expect. Examples are tests: if the code is wrong later, they say so.
# And a wrong formula often gives the right answer in simple cases, so a good example is one in which it does not.
#
# ## Task 1: examples (8 points)
#
# ●●○ · about 15 minutes · [examples.py](../../exercise_code/ex05_neural_networks/examples.py)
#
# Fill in `affine_examples`: at least three examples, one or more for each of `"x"`, `"weight"` and `"bias"`. Small
# numbers and shapes will do. Use pen and paper, no code.
#
# - **in:** nothing
# - **out:** a list of dicts with the entries `"of"`, `"x"`, `"weight"`, `"dout"` and `"gradient"`. The example above,
#   for the gradient of $x$, is `{"of": "x", "x": [[1, -2]], "weight": [[3, 0], [1, 2]], "dout": [[2, -1]],
#   "gradient": [[6, 0]]}`.
#
# The check below looks at the form alone. The points come later, when your examples are tried on wrong implementations:
# for each kind of mistake that at least one example catches, you get a share. All of your gradients must be right.
#
# <details><summary>Hint 1: where to look</summary>
#
# The docstring of `affine_examples` says which shapes go together. The three formulas above say what the gradients are.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Think of slips: a forgotten transpose, a mean for a sum, the wrong axis, a forgotten `dout`, a sample too few. In
# which examples would you *not* notice: with one sample? with a symmetric matrix? with ones everywhere? Choose
# others.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# One choice of `x` (two or three samples), `weight` and `dout`, all of them with different numbers and some negative
# ones, can serve all three examples. Only `"of"` and `"gradient"` differ. For the bias the gradient is a flat list,
# such as `[3, -1]`.
#
# </details>

# %% role="checks" grade_id="affine_examples" points=8
check("affine_examples")

# %% [markdown]
# ## 3. Measure a gradient
#
# Examples by hand are few and small. There is a test for any size: a gradient says how the loss changes when an entry
# of $x$ moves a little. So move it, and look. In exercise 4 you were given a function that does this for a loss,
# which is one number. A layer returns an array. Its entries count as much as `dout` says, so for each entry $i$ of
# $x$
#
# $$ \text{gradient}_i \approx \sum \text{dout} \cdot \frac{f(x + h e_i) - f(x - h e_i)}{2h} $$
#
# where $e_i$ is 1 at entry $i$ and 0 elsewhere, and the sum goes over all entries of the output. Steps to both sides
# are worth the trouble. For $f(x) = x^3$ at $x = 2$, where the slope is 12:

# %%
for h in [0.1, 0.01, 0.001]:
    one_side = ((2 + h) ** 3 - 2**3) / h
    both_sides = ((2 + h) ** 3 - (2 - h) ** 3) / (2 * h)
    print(f"h = {h:5}: one side {one_side:.6f}, both sides {both_sides:.6f}")

# %% [markdown]
# With a tenth of $h$ the error is a tenth with one side, and a *hundredth* with both.
#
# How close is close enough? A difference of 0.001 is a lot if the gradient is 0.002, and nothing if it is 500. So we
# divide by the size of the numbers, and look at the worst entry:
#
# $$ \text{relative error} = \max_i \frac{|a_i - b_i|}{|a_i| + |b_i|} $$
#
# **By hand:** for $a = (1, 2)$ and $b = (1, 3)$ the entries give $0 / 2$ and $1 / 5$, so it is 0.2.
#
# ## Task 2: gradient check (10 points)
#
# ●●○ · about 20 minutes · [gradient_check.py](../../exercise_code/ex05_neural_networks/gradient_check.py)
#
# Fill in `numeric_gradient` and `relative_error`.
#
# - **in:** `numeric_gradient` gets a function `f`, an array `x` of any shape, `dout` of the shape of `f(x)`, and `h`;
#   `relative_error` gets two arrays of the same shape
# - **out:** `numeric_gradient` returns a new array of the shape of `x`, and leaves `x` exactly as it was;
#   `relative_error` returns a float, 0 where both arrays are 0
#
# Move the entries of `x` itself, not of a copy. You will soon check the gradient for a layer's *weights*: then `x` is
# the weight matrix, and `f` runs the layer, which looks at its own matrix.
#
# <details><summary>Hint 1: where to look</summary>
#
# A loop over `np.ndindex(x.shape)` goes through the places of an array of any shape. With each of them, `x[place]` is
# one number.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# For each place: keep the old value, set old + h and call `f`, set old - h and call `f`, put the old value back. In
# `relative_error` keep the divisor away from 0 with `np.maximum(..., 1e-12)`.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# With `above` and `below` for the two outputs: `dout * (above - below)`, summed over everything, divided by
# `(2 * h)`. The second function is one line: `np.abs(...)` of the difference over the divisor, `.max()`, and
# `float(...)` around it.
#
# </details>

# %% role="checks" grade_id="gradient_check" points=10
check("gradient_check")

# %% [markdown]
# **A look at the result,** for $f(x) = x^3$, whose gradient we know, with several $h$:

# %%
x = np.array([0.3, -1.1, 2.7])
dout = np.array([1.0, 1.0, -2.0])
for h in [1e-1, 1e-3, 1e-5, 1e-7, 1e-9, 1e-11]:
    measured = numeric_gradient(lambda x: x**3, x, dout, h)
    print(f"h = {h:.0e}: relative error {relative_error(measured, dout * 3 * x**2):.0e}")

# %% [markdown]
# The error should fall to about 1e-10 near $h$ = 1e-5, and then *rise* again. You meet the reason in Task 5. If it is
# the same for all $h$, then $h$ does not reach the place where you divide.
#
# ## 4. The affine layer, in code
#
# Now the formulas of section 2 as matrix products. There is no need to learn them by heart: the shapes decide. The
# gradient for $W$ has the shape $(D, K)$, and $x$ is $(N, D)$ and $g$ is $(N, K)$: the sum over $n$ must be
# $x^T g$.
#
# ## Task 3: the affine layer (14 points)
#
# ●●○ · about 15 minutes · [layers.py](../../exercise_code/ex05_neural_networks/layers.py)
#
# Fill in `Affine.forward` and `Affine.backward`. The base class `Layer` at the top of the file says what they have in
# common with all other layers.
#
# - **in:** `forward` gets `x` of shape (N, D); `backward` gets `dout` of shape (N, K), for the x of the last `forward`
# - **out:** `forward` returns an array of shape (N, K); `backward` returns the gradient for x, and has put those of the
#   parameters into `self.grads`, a dict with `"weight"` and `"bias"`
#
# <details><summary>Hint 1: where to look</summary>
#
# `backward` needs the x of `forward`: keep it in an attribute of your own. The parameters are in `self.params`.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Three gradients, three shapes: (N, D) from (N, K) and (D, K); (D, K) from (N, D) and (N, K); (K,) from (N, K). The
# first two are matrix products with a transpose in them, the third is a sum over an axis.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# Assign a new dict to `self.grads`: under `"weight"` the transposed x times `dout`, under `"bias"`
# `dout.sum(axis=...)`. Then return `dout` times the transposed weights, with `@` and `.T`.
#
# </details>

# %% role="checks" grade_id="affine" points=14
check("affine")

# %% [markdown]
# **A look at the result,** twice. First your examples against your code:

# %%
for example in affine_examples():
    x, weight, dout = (np.array(example[key], dtype=float) for key in ("x", "weight", "dout"))
    layer = Affine(*weight.shape, np.random.default_rng(0), init=0.1)
    layer.params["weight"][...] = weight
    layer.forward(x)
    gradients = {"x": layer.backward(dout)} | layer.grads
    verdict = "agree" if np.allclose(gradients[example["of"]], example["gradient"]) else "DIFFER"
    print(f"gradient for {example['of']}: by hand {example['gradient']}: {verdict}")

# %% [markdown]
# Every line should end in "agree". If one differs while the check above is green, work out the example once more.
#
# Then the measured gradients against the formulas, in a larger layer. This is how you test any layer that you will ever
# write:

# %%
rng = np.random.default_rng(0)
layer = Affine(20, 10, rng, init=0.1)
x, dout = rng.normal(size=(30, 20)), rng.normal(size=(30, 10))

layer.forward(x)
start = time.perf_counter()
dx = layer.backward(dout)
formula_seconds = time.perf_counter() - start

start = time.perf_counter()
measured = numeric_gradient(layer.forward, x, dout)
numeric_seconds = time.perf_counter() - start

print(f"x:      relative error {relative_error(dx, measured):.0e}")
for name, param in layer.params.items():
    measured = numeric_gradient(lambda _: layer.forward(x), param, dout)
    print(f"{name:7} relative error {relative_error(layer.grads[name], measured):.0e}")
print(f"for x: backward {1000 * formula_seconds:.2f} ms, measured {1000 * numeric_seconds:.0f} ms")

# %% [markdown]
# Expect relative errors from 1e-10 to 1e-7. A wrong formula gives 0.01 or more, mostly 1. And look at the times:
# measuring runs the layer twice for each of 600 entries. Backward finds all of them in one go.
#
# ## 5. Activations
#
# An activation works on each entry by itself, so its backward is the simplest chain rule: `dout` times the slope.
#
# $$ \text{relu}(x) = \max(x, 0) \qquad \sigma(x) = \frac{1}{1 + e^{-x}} \qquad \tanh(x) = \frac{e^x - e^{-x}}{e^x + e^{-x}} $$
#
# | | slope | by hand |
# |---|---|---|
# | ReLU | 1 where $x > 0$, else 0 | at $x = 3$: 1; at $x = -2$: 0 |
# | sigmoid | $s\,(1 - s)$ with $s = \sigma(x)$ | at $x = 0$: $0.5 \cdot 0.5 = 0.25$ |
# | tanh | $1 - t^2$ with $t = \tanh(x)$ | at $x = 0$: $1 - 0 = 1$ |
#
# The sigmoid and tanh came first; ReLU is what most networks use today. You already have a sigmoid that does not
# overflow, from exercise 4; the file imports it.
#
# ## Task 4: three activations (12 points)
#
# ●●○ · about 15 minutes · [layers.py](../../exercise_code/ex05_neural_networks/layers.py)
#
# Fill in `forward` and `backward` of `ReLU`, `Sigmoid` and `Tanh`.
#
# - **in:** `forward` gets `x` of any shape; `backward` gets `dout` of the same shape, for the x of the last `forward`
# - **out:** `forward` returns a new array of the same shape; `backward` returns the gradient for x. Neither `x` nor
#   `dout` may change: other layers still need them.
#
# Where x is exactly 0, ReLU has a kink and no slope. Take 0.
#
# <details><summary>Hint 1: where to look</summary>
#
# The docstrings say what the slope is. For the sigmoid and tanh it is a function of the *output*.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Keep in `self` what makes backward short: where x was positive (an array of booleans), or the output. True counts as 1
# and False as 0 in a product.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# ReLU: `... > 0` in forward, and `dout * ...` in backward. Sigmoid: `dout * s * (1 - s)`, where `s` is what forward
# returned. Tanh: the same with its own slope.
#
# </details>

# %% role="checks" grade_id="activations" points=12
check("activations")

# %% [markdown]
# **A look at the result.** Backward with a `dout` of ones is the slope itself:

# %%
x = np.linspace(-4, 4, 401)
curves = {}
for layer in [ReLU(), Sigmoid(), Tanh()]:
    curves[type(layer).__name__] = layer.forward(x), layer.backward(np.ones_like(x))
show_activations(x, curves)

# %% [markdown]
# The dashed lines should be 0 then 1; a bell with 0.25 at its top; a bell with 1 at its top. Far from 0 the bells are
# flat on the ground: whatever `dout` arrives there, hardly anything of it goes on. Keep this in mind for part 2.

# %%
rng = np.random.default_rng(1)
x, dout = rng.normal(size=(5, 7)), rng.normal(size=(5, 7))
for layer in [ReLU(), Sigmoid(), Tanh()]:
    layer.forward(x)
    error = relative_error(layer.backward(dout), numeric_gradient(layer.forward, x, dout))
    print(f"{type(layer).__name__:8} relative error {error:.0e}")

# %% [markdown]
# Expect 1e-8 or less.
#
# **Think.** What does the gradient check say of ReLU at exactly $x = 0$? Guess, then run the cell.

# %%
layer = ReLU()
layer.forward(np.zeros(1))
print("backward:", layer.backward(np.ones(1)), " measured:", numeric_gradient(layer.forward, np.zeros(1), np.ones(1)))

# %% [markdown]
# <details><summary>Open this when you have seen the numbers.</summary>
#
# One side of the kink has the slope 0, the other 1, and the difference to both sides gives their mean, 0.5. Neither
# is wrong: there is no gradient at a kink. If a gradient check of a network with ReLUs fails in one entry of a
# thousand, an input may have been that close to a kink. Try other inputs before you look for a mistake.
#
# </details>
#
# ## 6. Three layers, and a curve
#
# An affine layer, a ReLU, and an affine layer are a network. With your loss and your optimizer of exercise 4 it learns
# what no linear model can: a wave. Read the loop slowly. Every line is code of yours.

# %%
rng = np.random.default_rng(0)
x = np.linspace(-3, 3, 120).reshape(-1, 1)
y = np.sin(2 * x) + 0.1 * rng.normal(size=x.shape)

first, bend, second = Affine(1, 30, rng, init=1.0), ReLU(), Affine(30, 1, rng, init=0.2)
first.params["bias"][...] = rng.uniform(-3, 3, 30)  # so that the lines bend at different places
loss, optimizer = MSELoss(), SGD(0.02)

fits = {}
for step in range(3001):
    hidden = bend.forward(first.forward(x))
    predictions = second.forward(hidden)
    if step in (0, 100, 3000):
        fits[f"after {step} steps"] = predictions
        print(f"step {step:4}: loss {loss.forward(predictions, y):.3f}")
    d_hidden = second.backward(loss.backward(predictions, y))
    first.backward(bend.backward(d_hidden))
    optimizer.step(first.params, first.grads)
    optimizer.step(second.params, second.grads)

show_fits(x, y, fits)

# %% [markdown]
# The loss should start near 3.5, be near 0.15 after 100 steps, and end near 0.014 (the noise in the data alone is
# 0.01). Look closely at the last curve: it consists of straight pieces. If the loss does not fall, one of the layers
# passes the wrong gradient on: the checks above say which.

# %% [markdown] role="written" grade_id="written_gradients" points=5
# ## Task 5: why formulas? (5 points)
#
# ●●○ · about 10 minutes · answer in this cell
#
# A classmate says: "`numeric_gradient` is right for every layer. Why do I write `backward` at all?" Answer in three to
# five sentences:
#
# 1. A network has a million weights, and one forward pass takes a millisecond. How long does one step of training take
#    with measured gradients, and how long (roughly) with backpropagation?
# 2. Your table above shows that the error rises again for very small $h$. Why?
#
# ### BEGIN SOLUTION
# With measured gradients each weight needs two forward passes: 2 · 10^6 · 1 ms = 2,000 s, more than half an hour for a
# single step. Backward takes about as long as one or two forward passes, so a step takes a few milliseconds.
#
# For very small h the two values of f are nearly equal. Floats have about 16 digits; in the difference most of them
# cancel, and what is left is rounding error, which is then divided by the tiny 2h and so becomes large. (For large h
# the error of the formula itself, of order h², is what counts; 1e-5 is a good compromise.)
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 3 points: two forward passes a weight, about 2,000 s (half an hour; 1,000 s if counted with one pass loses nothing),
#   against a few milliseconds for backpropagation. 1 point for "slow" without an estimate.
# - 2 points: rounding errors of floats: nearly equal numbers are subtracted (cancellation), then divided by a small h.
#   1 point for "floats are not exact" without the difference or the division.
# ### END MARKING GUIDE

# %% [markdown]
# ## What you learned
#
# - Linear layers in a row are one linear layer. Activations between them make a network.
# - Each layer has a forward and a backward, keeps what backward needs, and knows nothing of the others.
# - The gradient for an affine layer's input goes through the weights; those for weight and bias add up over the
#   samples.
# - A measured gradient is slow, and right for any function: a test, not a way to train.
# - A relative error below 1e-7 is fine, above 1e-2 is a mistake, and in between it is worth a look.
#
# ## Hand in
#
# You hand in parts 1 and 2 together, with the last cells of `2_network.ipynb`. Save this notebook now, so that your
# answer to Task 5 is in the file. In part 2 these layers become a network of any depth, and it learns to tell images
# apart.
#
# ## Read on
#
# - [Backpropagation, intuitions](https://cs231n.github.io/optimization-2/) in the notes of Stanford's CS231n: gradients
#   that flow through circuits.
# - [Gradient checks](https://cs231n.github.io/neural-networks-3/#gradcheck) in the same notes: everything that can go
#   wrong with them.
# - [Multilayer perceptrons](https://d2l.ai/chapter_multilayer-perceptrons/mlp.html) in *Dive into Deep Learning*.
