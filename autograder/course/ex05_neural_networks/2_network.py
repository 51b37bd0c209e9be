# %% [markdown]
# # Exercise 5, part 2: a network
#
# **What you will build:** a network of any depth, the loss for ten classes, two optimizers with a memory, and weights
# that start at the right size. Together they learn to tell images apart, in numpy and nothing else.
#
# **To pass:** 60 of 100 points, for parts 1 and 2 together. Part 2 has 51 of them.
#
# **Time:** about 130 minutes.
#
# **What you need:** part 1 (your layers), and the optimizer and solver of exercise 4.
#
# **Where you write code:** in four files, each linked from its task.
#
# | task | what you write | difficulty | points |
# |---|---|---|---|
# | 6 | `Network` | ●●● | 14 |
# | 7 | `SoftmaxCrossEntropy` | ●●● | 12 |
# | 8 | `SGDMomentum._update` | ●●○ | 6 |
# | 9 | `Adam._update` | ●●○ | 9 |
# | 10 | `init_scale` | ●○○ | 5 |
# | 11 | an answer in words | ●●○ | 5 |

# %%
# %load_ext autoreload
# %autoreload 3
# %matplotlib inline

import time

import numpy as np

from exercise_code import check, load_dataset, submit
from exercise_code.common.plotting import show_images
from exercise_code.ex04_solver.optimizer import SGD
from exercise_code.ex04_solver.pictures import show_chain
from exercise_code.ex04_solver.solver import Solver
from exercise_code.ex05_neural_networks.gradient_check import numeric_gradient, relative_error
from exercise_code.ex05_neural_networks.losses import SoftmaxCrossEntropy
from exercise_code.ex05_neural_networks.network import Network
from exercise_code.ex05_neural_networks.optimizers import Adam, SGDMomentum
from exercise_code.ex05_neural_networks.pictures import (
    show_histories,
    show_layers,
    show_probabilities,
    show_riddle,
    show_valley,
    tracks_of,
)
from exercise_code.ex05_neural_networks.watching import Watch, shrink

# %% [markdown]
# ## The goal: ten classes
#
# You know these images from exercise 3. Now a program has to say what is on them. An affine layer wants a row of
# numbers, so an image becomes a row: 32 · 32 · 3 = 3,072 of them. To save your time we shrink the images first, to 16
# × 16 pixels, and standardise each colour with the mean and std of the training images.

# %%
train, val = load_dataset("cifar10", split="train"), load_dataset("cifar10", split="val")

small_train, small_val = shrink(train.images, 16), shrink(val.images, 16)
mean, std = small_train.mean(axis=(0, 1, 2)), small_train.std(axis=(0, 1, 2))
X_train = ((small_train - mean) / std).reshape(len(train), -1)
X_val = ((small_val - mean) / std).reshape(len(val), -1)
y_train, y_val = train.labels, val.labels
print("X_train", X_train.shape, " y_train", y_train.shape, y_train.dtype, " X_val", X_val.shape)

numbers = [0, 6, 3, 11, 2, 6, 15, 5, 7, 3]
picked = [np.flatnonzero(y_train == label)[number] for label, number in enumerate(numbers)]
names = [f"{label}: {train.classes[label]}" for label in range(10)]
show_images(small_train[picked] / 255, names, columns=10, size=1.1)

# %% [markdown]
# A label is one of the numbers 0 to 9. A guess is right 10 % of the time.
#
# ## 1. A network of layers
#
# Part 1 ended with three layers, and a line of code for each. Now the layers go into a list.
# `Network([768, 100, 50, 10])` is a network that takes 768 numbers and gives 10, with 100 and 50 numbers in between.
# There is an activation after each affine layer but the last: the last one gives a **score** for each class, and a
# score may be negative.

# %%
show_chain(
    [
        ("0: affine", "(N, 100)"),
        ("1: relu", "(N, 100)"),
        ("2: affine", "(N, 50)"),
        ("3: relu", "(N, 50)"),
        ("4: affine", "scores (N, 10)"),
    ],
    ["(N, 100)", "(N, 100)", "(N, 50)", "(N, 50)"],
    "Network([768, 100, 50, 10]): outputs above, gradients below",
)

# %% [markdown]
# **By hand:** how many parameters does it have? $768 \cdot 100 + 100 = 76{,}900$ in layer 0,
# $100 \cdot 50 + 50 = 5{,}050$ in layer 2, and $50 \cdot 10 + 10 = 510$ in layer 4: together 82,460.
#
# The solver and the optimizers of exercise 4 know a model by three things: `params`, `forward(X)`, and
# `backward(dout)`, which returns a dict of gradients with the names in `params`. If the network has them, everything
# of exercise 4 works with it. A parameter's name says where it lives: `"2.bias"` is the bias of layer 2.
#
# ## Task 6: the network (14 points)
#
# ●●● · about 25 minutes · [network.py](../../exercise_code/ex05_neural_networks/network.py)
#
# Fill in `_build`, `forward` and `backward` of `Network`. Its `__init__` is written: it calls `_build` and collects the
# parameters of all layers by name.
#
# - **in:** `_build` gets the sizes, the name of the activation, a generator and `init`; `forward` gets `x` of shape
#   (N, sizes[0]); `backward` gets `dout` of shape (N, sizes[-1])
# - **out:** `_build` returns the list of layers; `forward` returns the scores; `backward` returns a new dict with a
#   gradient for each name in `self.params`
#
# <details><summary>Hint 1: where to look</summary>
#
# `ACTIVATIONS["relu"]` is a class, and `ACTIVATIONS["relu"]()` is a new object of it. How `__init__` makes the names
# is what `backward` needs, too. For [a, b, c] there are two affine layers, from a to b and from b to c.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# `forward`: what comes out of one layer goes into the next. `backward`: the same from the end to the start, with
# `dout`. After `layer.backward(...)` the gradients of that layer's parameters are in `layer.grads`. Each place in the
# list needs an activation of its own: it remembers what went through it.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `itertools.pairwise(sizes)` gives the pairs. `reversed(list(enumerate(self.layers)))` goes backwards and keeps the
# places. In that loop, replace `dout` by what `layer.backward` returns, then copy each entry of `layer.grads` into
# your dict, under `f"{place}.{name}"`.
#
# </details>

# %% role="checks" grade_id="network" points=14
check("network")

# %% [markdown]
# **A look at the result:** the number of parameters, and a gradient check of a small network. Until Task 10 we give
# `init` as a number, the standard deviation of the weights.

# %%
network = Network([768, 100, 50, 10], init=0.05)
for name, param in network.params.items():
    print(f"{name:9} {param.shape}")
print("parameters:", sum(param.size for param in network.params.values()))

rng = np.random.default_rng(0)
tiny = Network([4, 5, 5, 3], "tanh", init=0.5)
x, dout = rng.normal(size=(6, 4)), rng.normal(size=(6, 3))
tiny.forward(x)
grads = tiny.backward(dout)
for name, param in tiny.params.items():
    measured = numeric_gradient(lambda _: tiny.forward(x), param, dout)
    print(f"gradient of {name:9} relative error {relative_error(grads[name], measured):.0e}")

# %% [markdown]
# There should be 82,460 parameters, as counted by hand, and relative errors of 1e-7 or less. If the last layer is
# right and the first is not, the mistake is in between: does every layer get the gradient that the layer behind it
# gave?
#
# ## 2. From scores to a loss
#
# The network gives ten scores $s_c$, any numbers at all. **Softmax** makes probabilities of them: all positive, with
# the sum 1, and the largest score gets the largest share.
#
# $$ p_c = \frac{e^{s_c}}{\sum_j e^{s_j}} $$

# %%
show_probabilities(
    {"unsure": [1.0, 0.5, 0.0], "surer": [4.0, 2.0, 0.0], "shifted": [3.0, 2.5, 2.0]}, ["cat", "dog", "frog"]
)

# %% [markdown]
# Compare the first row with the last: scores that are all larger by 2 have the same probabilities. Only differences
# count.
#
# The loss is the **cross-entropy**, which you know for two classes from exercise 4: minus the logarithm of the
# probability that the right class got. With $y_n$ for the label of sample $n$:
#
# $$ L = -\frac{1}{N} \sum_{n=1}^{N} \log p_{n, y_n} $$
#
# **By hand:** for the scores $(\log 1, \log 2, \log 1)$ the exponentials are $1, 2, 1$, and the probabilities
# $\frac14, \frac12, \frac14$. If the right class is the middle one, the loss is $-\log \frac12 = 0.69$; if it is the
# first, $-\log \frac14 = 1.39$. A network that gives each of ten classes the same probability has the loss
# $\log 10 = 2.30$. Remember this number: it is about the loss of a network that has learned nothing.
#
# As code, the formula has a trap:

# %%
scores = np.array([1000.0, 0.0])
with np.errstate(all="ignore"):
    print("exp(1000) =", np.exp(1000.0), " so softmax gives", np.exp(scores) / np.exp(scores).sum())
shifted = scores - scores.max()
print("shifted by the largest score:", np.exp(shifted) / np.exp(shifted).sum())
with np.errstate(all="ignore"):
    print("and its logarithm:", np.log(np.exp(shifted) / np.exp(shifted).sum()))
print("the logarithm of the fraction as a difference:", shifted - np.log(np.exp(shifted).sum()))

# %% [markdown]
# Two remedies, both exact. Only differences count, so subtract the largest score $m$ of the row: then no exponent is
# above
# 0. And do not take the logarithm of a number that may have become 0: write it as a difference,
# $\;-\log p_y = \log \sum_j e^{s_j - m} - (s_y - m)$.
#
# The gradient is short, because the exponentials and logarithms cancel:
#
# $$ \frac{\partial L}{\partial s_{nc}} = \frac{1}{N} \left( p_{nc} - \begin{cases} 1 & c = y_n \\ 0 & \text{else} \end{cases} \right) $$
#
# **By hand:** for the probabilities $(\frac14, \frac12, \frac14)$, the label 1 and $N = 1$ it is
# $(\frac14, -\frac12, \frac14)$. The right score should grow, the others should shrink.
#
# ## Task 7: softmax and cross-entropy (12 points)
#
# ●●● · about 25 minutes · [losses.py](../../exercise_code/ex05_neural_networks/losses.py)
#
# Fill in `forward` and `backward` of `SoftmaxCrossEntropy`.
#
# - **in:** `scores`, a float array of shape (N, C), and `labels`, an int array of shape (N,)
# - **out:** `forward` returns the loss, a float; `backward` returns its gradient for the scores, a new array of shape
#   (N, C). Both are right for scores of ±1000, without a warning, and change neither scores nor labels. Labels of
#   another shape raise a `ValueError`.
#
# <details><summary>Hint 1: where to look</summary>
#
# `scores[np.arange(N), labels]` picks one number of each row: in row 0 the one at `labels[0]`, in row 1 the one at
# `labels[1]`, and so on. `keepdims=True` keeps an axis, so that (N, 1) fits to (N, C).
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Shift each row by its own largest score. In `forward` you then need the logarithm of each row's sum of exponentials,
# and the shifted score of the right class. In `backward`: the probabilities, minus 1 at the right classes, divided by
# N.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `scores - scores.max(axis=..., keepdims=True)` shifts. For the loss: `np.log(np.exp(shifted).sum(axis=...))` minus the
# picked scores, and the mean of that. For the gradient, subtract 1 from an array of probabilities at
# `[np.arange(...), labels]`.
#
# </details>

# %% role="checks" grade_id="softmax_loss" points=12
check("softmax_loss")

# %% [markdown]
# **A look at the result:** the loss of a network that has not learned anything, and a gradient check.

# %%
loss = SoftmaxCrossEntropy()
scores = Network([768, 100, 50, 10], init=0.01).forward(X_train)
print(f"loss at the start: {loss.forward(scores, y_train):.4f},  log 10 = {np.log(10):.4f}")

some, labels = rng.normal(size=(6, 4)), rng.integers(0, 4, 6)
measured = numeric_gradient(lambda s: np.array(loss.forward(s, labels)), some, np.array(1.0))
print(f"relative error of the gradient: {relative_error(loss.backward(some, labels), measured):.0e}")

# %% [markdown]
# The loss should be 2.30, and the error 1e-7 or less.
#
# Before a long training comes a short one that has to succeed: **overfit a few samples.** Any network that works can
# learn 20 images by heart. If it cannot, something is broken, and you find out in a second.

# %%
network = Network([768, 100, 50, 10], init=0.05)
every = len(X_train) // 20
few = X_train[::every], y_train[::every]
solver = Solver(network, loss, SGD(0.1), few, few)
history = solver.train(150)
right = (network.forward(few[0]).argmax(axis=1) == few[1]).mean()
print(f"loss {history.train_loss[0]:.2f} at the start, {history.train_loss[-1]:.4f} at the end; right: {right:.0%}")

# %% [markdown]
# Expect a loss below 0.05 and 100 % right. If the loss stays near 2.3, the gradients do not reach the weights: is
# `network.params` still the same arrays that the layers hold?
#
# Note what happened here: the solver, the optimizer and their tests are from exercise 4, and have not changed.
#
# ## 3. Momentum
#
# Gradient descent has a weakness that you saw in exercise 3: in a long, narrow valley it jumps from side to side, and
# hardly moves along. A heavy ball does better. It keeps its **velocity**: the pushes to the left and to the right
# cancel, and those along the valley add up.
#
# $$ v \leftarrow \mu\, v + \nabla L \qquad\qquad w \leftarrow w - \eta\, v $$
#
# $\eta$ is the learning rate, and $\mu$, the momentum, says how much of the velocity survives a step.
#
# **By hand,** with $\mu = 0.5$ and a gradient that is always 1: $v$ is 1, then $0.5 \cdot 1 + 1 = 1.5$, then 1.75,
# and so on, towards $1 / (1 - \mu) = 2$. With $\mu = 0.9$ it goes towards 10: steps in a steady direction become ten
# times as long.
#
# ## Task 8: momentum (6 points)
#
# ●●○ · about 10 minutes · [optimizers.py](../../exercise_code/ex05_neural_networks/optimizers.py)
#
# Fill in `SGDMomentum._update`. `Optimizer.step` of exercise 4 calls it for each parameter, with its name.
#
# - **in:** the parameter's `name`, its array `param`, and its gradient `grad`
# - **out:** nothing; `param` has changed in place, and `self.velocity[name]` is the velocity for the next step.
#   `grad` stays as it is.
#
# <details><summary>Hint 1: where to look</summary>
#
# `self.velocity` is a dict, empty at first. `self.velocity.get(name, ...)` gives a value for names that are not yet
# in it.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Get the old velocity, or zeros in the shape of `param`. Compute the new one, keep it under the name, and move
# `param` with it, in place as `SGD` did.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `velocity = self.momentum * (the old one) + ...`, then `self.velocity[name] = ...`, then `param -= ...`.
#
# </details>

# %% role="checks" grade_id="momentum" points=6
check("momentum")

# %% [markdown]
# **A look at the result,** in a valley that is 50 times as steep across as along, after 40 steps:

# %%
start, curvature = [-4.0, 1.8], [0.01, 0.5]
tracks = tracks_of(start, curvature, {"SGD": SGD(1.6), "SGDMomentum": SGDMomentum(1.6, 0.7)}, 40)
show_valley(tracks, curvature)

# %% [markdown]
# On the left: a zigzag whose every step along the valley is small, and a loss of 0.012 at the end. On the right: the
# ball swings from side to side for longer, but rolls along the valley, and ends below 0.001. If both pictures are the
# same, the velocity is not kept between the steps.
#
# ## 4. Adam
#
# Some weights get large gradients, others small ones, and one learning rate has to suit them all. **Adam** gives each
# weight a step size of its own: it divides by the size that the gradients of this weight usually have.
#
# $$ m \leftarrow \beta_1 m + (1 - \beta_1)\, g \qquad v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2 \qquad
#    w \leftarrow w - \eta\, \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \varepsilon} $$
#
# $m$ is a running mean of the gradients, as in momentum, and $v$ one of their squares. Both start at 0, and so are
# too small in the first steps: $t$, the number of the step, corrects that.
#
# **By hand:** the first step, with $g = 100$, $\beta_1 = 0.9$ and $\beta_2 = 0.999$. $m = 0.1 \cdot 100 = 10$,
# corrected $10 / 0.1 = 100$. $v = 0.001 \cdot 10{,}000 = 10$, corrected $10 / 0.001 = 10{,}000$, and its root is 100.
# So the step is $\eta \cdot 100 / 100 = \eta$. With $g = 0.01$ it is $\eta$, too. Without the correction it would be
# $\eta \cdot 10 / \sqrt{10} = 3.2\, \eta$.
#
# ## Task 9: Adam (9 points)
#
# ●●○ · about 15 minutes · [optimizers.py](../../exercise_code/ex05_neural_networks/optimizers.py)
#
# Fill in `Adam._update`.
#
# - **in:** the parameter's `name`, its array `param`, and its gradient `grad`
# - **out:** nothing; `param` has changed in place, and `self.first`, `self.second` and `self.steps` have the new $m$,
#   $v$ and $t$ under the name. What is kept are the means without the correction.
#
# <details><summary>Hint 1: where to look</summary>
#
# Three dicts instead of one, with the same `.get(name, ...)`. For the steps, the value before the first one is 0.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# First $t$, $m$ and $v$, and keep them. Then the two corrected means, under names of their own. Then the step.
# Everything works entry by entry, so the shapes take care of themselves.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `m / (1 - self.beta1**t)` is the corrected mean, and with `np.sqrt(...) + self.epsilon` below the fraction bar,
# epsilon stands outside of the root.
#
# </details>

# %% role="checks" grade_id="adam" points=9
check("adam")

# %% [markdown]
# **A look at the result.** Three optimizers train the same network, from the same weights, on the same batches:


# %%
def train_with(optimizer, network, num_epochs=15):
    """The history of a training in batches of 50."""
    data = (X_train, y_train), (X_val, y_val)
    return Solver(network, SoftmaxCrossEntropy(), optimizer, *data, batch_size=50).train(num_epochs)


histories = {}
optimizers = {"SGD": SGD(0.01), "SGDMomentum": SGDMomentum(0.01), "Adam": Adam(0.001)}
for name, optimizer in optimizers.items():
    start = time.perf_counter()
    network = Network([768, 100, 50, 10], init=0.05)
    histories[name] = train_with(optimizer, network)
    seconds = time.perf_counter() - start
    right = (network.forward(X_val).argmax(axis=1) == y_val).mean()
    print(f"{name:12} {seconds:4.1f} s, training loss {histories[name].train_loss[-1]:.2f},", end=" ")
    print(f"right on validation: {right:.0%}")

show_histories(histories, chance=np.log(10))

# %% [markdown]
# The training losses should end near 1.7, 0.7 and 0.7 (with the drawings; with 8,000 photographs near 1.6, 0.9 and
# 0.8). If SGDMomentum and SGD agree, the velocity is forgotten; if Adam's loss jumps, look at its correction.
#
# Is Adam always better, then? No: SGD took the learning rate 0.01 from momentum, which makes steps up to ten times as
# long of it. Try `SGD(0.1)` in the cell above. To be fair, one would have to search for the best learning rate of
# each, and exercise 6 does.
#
# On the right, the validation loss stops falling after about six epochs, while the training loss goes on. 4,000
# drawings are few, and a network with 82,460 parameters learns them by heart: it **overfits**. About 50 % right is
# five times as good as guessing, and not good (8,000 photographs: 40 to 44 %). Exercise 6 does something about it, and
# the networks of later exercises, which look at neighbouring pixels together, get much better.
#
# ## 5. How large should weights be at the start?
#
# So far `init=0.05` was a number that we had tried before. Where does it come from? Look at a deep network: six
# layers of 100 numbers with tanh. Before any training we send 200 images through it, forward and backward, and watch:
# how large are the outputs of each activation, and how large is the gradient that arrives there?


# %%
def look_inside(inits, activation):
    """Outputs and gradients of each activation in a deep network, for several ways to start."""
    outputs, gradients = {}, {}
    for name, init in inits.items():
        network = Network([768, *[100] * 6, 10], activation, init=init)
        watch = Watch(network)
        scores = network.forward(X_train[:200])
        network.backward(SoftmaxCrossEntropy().backward(scores, y_train[:200]))
        places = range(1, len(network.layers), 2)  # 0 is affine, 1 an activation, 2 affine, ...
        outputs[name] = [watch.outputs[place] for place in places]
        gradients[name] = [watch.gradients[place] for place in places]
    return outputs, gradients


outputs, gradients = look_inside({"std 0.01": 0.01, "std 1": 1.0}, "tanh")
show_layers(outputs, "outputs of tanh")
show_layers(gradients, "gradients for these outputs")

# %% [markdown]
# **Too small** (0.01): from layer to layer the outputs shrink to a tenth. In layer 6 all images look the same, nearly
# 0. The gradients shrink in the same way on their way back, from right to left: at layer 1 nothing is left to learn
# from.
#
# **Too large** (1): nearly all outputs are -1 or 1. There tanh is flat (look at your picture in part 1), and lets no
# gradient through. A few units are not there yet, and the large weights blow their gradients up: from 0.006 at layer
# 6 to 0.4 at layer 1. A learning rate that is right for one of these layers is wrong for the other.
#
# Between the two there must be a size that keeps the spread as it is. An output is $y = \sum_{d=1}^{D} x_d w_d$. If the
# $x_d$ and $w_d$ are independent with mean 0, variances multiply in a product and add up in a sum:
#
# $$ \text{Var}(y) = D \cdot \text{Var}(x) \cdot \text{Var}(w) $$
#
# The spread stays the same if $\text{Var}(w) = 1 / D$. For the way back, the same thought gives $1 / K$, with $K$
# outputs. **Xavier** takes the mean of $D$ and $K$: $\text{Var}(w) = 2 / (D + K)$. ReLU sets half of its outputs to 0
# and halves the mean square, so **He** doubles the variance: $\text{Var}(w) = 2 / D$. The standard deviation is the
# square root of the variance.
#
# **By hand:** for $D = 50$ inputs He's standard deviation is $\sqrt{2 / 50} = 0.2$, and for $D = 768$ it is 0.051:
# our 0.05 was a good guess for the first layer.
#
# ## Task 10: the size of the weights (5 points)
#
# ●○○ · about 5 minutes · [initialisation.py](../../exercise_code/ex05_neural_networks/initialisation.py)
#
# Fill in `init_scale`. `Affine` calls it if its `init` is a name, which is what `Network` gives it by default.
#
# - **in:** `num_in` and `num_out`, how many inputs and outputs a layer has, and `kind`, `"xavier"` or `"he"`
# - **out:** the standard deviation, a float; any other kind raises a `ValueError`

# %% role="checks" grade_id="init_scale" points=5
check("init_scale")

# %% [markdown]
# **A look at the result,** all four ways with tanh:

# %%
inits = {"std 0.01": 0.01, "std 1": 1.0, "Xavier": "xavier", "He": "he"}
outputs, gradients = look_inside(inits, "tanh")
show_layers(outputs, "outputs of tanh")
show_layers(gradients, "gradients for these outputs")

# %% [markdown]
# With Xavier and He the spread of the outputs stays between 0.3 and 0.7 in all layers, and that of the gradients
# between 0.0003 and 0.0008. If all of your rows look alike, then `Network` does not pass `init` on to its layers.
#
# And with ReLU, where nothing holds large numbers back:

# %%
outputs, gradients = look_inside(inits, "relu")
show_layers(outputs, "outputs of ReLU")
show_layers(gradients, "gradients for these outputs")

# %% [markdown]
# With 0.01 the outputs shrink to a fifteenth from layer to layer, and with 1 they grow seven times, to more than
# 200,000. With Xavier they lose a third in each layer (0.84, 0.59, ..., 0.13), and with He they stay about the same
# (0.89 to 0.76): here is the factor of two that ReLU needs.
#
# Does it matter for the training? The deep network, with SGDMomentum, for each way:

# %%
histories = {}
for name, init in inits.items():
    with np.errstate(all="ignore"):  # one of them may leave the range of floats
        histories[name] = train_with(SGDMomentum(0.01), Network([768, *[100] * 6, 10], "tanh", init=init), 10)
    print(f"{name:8} training loss {histories[name].train_loss[-1]:.2f}")
show_histories(histories, "tanh, 7 affine layers", chance=np.log(10), top=5)

# %% [markdown]
# With 0.01 the loss stays at 2.30: there is no gradient to learn from. With 1 it starts at 14, and after ten epochs
# it is still far worse than guessing. Xavier and He learn from the first epoch on, and end near 0.9 and 0.8.
#
# ## 6. What is wrong with these curves?
#
# Three trainings, ten classes. Something is wrong with each:

# %%
show_riddle()

# %% [markdown]
# **Think.** Which of the three has a learning rate that is far too large?
#
# <details><summary>Open this when you have an answer.</summary>
#
# C. Each step jumps across the valley to a place that is as high as before or higher, and both losses are above those
# of guessing. A learning rate of a tenth or less is the first thing to try.
#
# </details>

# %% [markdown] role="written" grade_id="written_curves" points=5
# ## Task 11: two curves (5 points)
#
# ●●○ · about 10 minutes · answer in this cell
#
# Look at the curves A and B above. Answer in two to four sentences each:
#
# 1. A: the loss stays at 2.30 for ten classes. What does the number say, and what could be the cause? Name one, and
#    say how you would find out whether it is this one.
# 2. B: what happens here, and which epoch's parameters would you keep?
#
# ### BEGIN SOLUTION
# A: 2.30 is log 10, the loss of equal probabilities for all classes: the network has learned nothing. Possible
# causes: weights that start too small in a deep network, so that gradients vanish (look at the gradients or outputs
# of each layer: their standard deviations go towards 0); a learning rate that is far too small (try a hundred times
# as much); gradients that do not reach the parameters, because an update made a new array (compare the parameters
# before and after a step).
#
# B: the network overfits: it learns the training samples by heart, the training loss goes on falling while the
# validation loss rises. Keep the parameters of the epoch with the lowest validation loss (about epoch 4), as the
# solver of exercise 4 does.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 3 points for A: 2.30 = log 10, guessing (1 point); a possible cause (1 point); a test that would tell it from others
#   (1 point). Any cause that keeps the parameters or their effect unchanged counts.
# - 2 points for B: overfitting, with the training loss falling and the validation loss rising (1 point); the
#   parameters at the minimum of the validation loss, by early stopping or the like (1 point). "The last epoch": no
#   second point.
# ### END MARKING GUIDE

# %% [markdown]
# ## What you learned
#
# - A network is a list of layers. Forward runs through it from the start, backward from the end.
# - Softmax makes probabilities of scores. With the largest score subtracted and the logarithm as a difference, it is
#   exact for scores of any size. Its gradient is the probabilities, minus 1 at the right class.
# - Momentum adds up what the gradients agree about. Adam also divides by how large they usually are.
# - Weights should start so that the spread of outputs and gradients stays the same from layer to layer: Xavier for
#   tanh, He for ReLU.
# - Before a long training: is the loss at the start log C? Can the network learn 20 samples by heart?
#
# ## Hand in
#
# This packs your notebooks and modules into a zip, runs the checks on what is inside, and tells you if something is
# missing. Save this notebook before you run the cell. You can hand in as often as you like until the deadline.

# %%
submit("ex05_neural_networks")

# %% [markdown]
# **Next:** in exercise 6 you search for the learning rate, the sizes and the rest of the settings, and find ways
# against the overfitting that you have seen here.
#
# ## Read on
#
# - [Why momentum really works](https://distill.pub/2017/momentum/): valleys to play with in your browser.
# - [Adam](https://arxiv.org/abs/1412.6980), the paper: the algorithm is on its second page.
# - [Weight initialisation](https://cs231n.github.io/neural-networks-2/#init) in the notes of Stanford's CS231n.
