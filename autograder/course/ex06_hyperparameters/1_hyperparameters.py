# %% [markdown]
# # Exercise 6: hyperparameters
#
# **What you will build:** an image classifier in numpy that works on images it has never seen. You choose its settings
# by search instead of by luck, and write four tools against overfitting.
#
# **To pass:** 60 of 100 points. Part 2 of this exercise, on normalisation, is optional and has no points.
#
# **Time:** about 4 hours, a few minutes of which your computer trains.
#
# **What you need:** exercises 4 and 5: the solver, the layers, the network, Adam. The first short trainings use your own.
#
# **Where you write code:** in six files, each linked from its task.
#
# | task | what you write | difficulty | points |
# |---|---|---|---|
# | 1 | `learning_rates`, `LogUniform.sample` | ●○○ | 6 |
# | 2 | `grid`, `random_settings` | ●●○ | 6 |
# | 3 | an answer in words | ●●○ | 5 |
# | 4 | `LeakyReLU` | ●○○ | 4 |
# | 5 | `Dropout` | ●●○ | 10 |
# | 6 | `Classifier` | ●●○ | 9 |
# | 7 | `l2_penalty`, `add_l2_gradients` | ●○○ | 5 |
# | 8 | `AdamW._update` | ●●○ | 7 |
# | 9 | an answer in words | ●●○ | 3 |
# | 10 | `flip_images`, `shift_images` | ●●○ | 9 |
# | 11 | three bugs in `Trainer` | ●●● | 12 |
# | 12 | an answer in words | ●○○ | 4 |
# | 13 | a trained classifier | ●●● | 20 |

# %% [markdown]
# Run this cell first. Its first two lines make sure that this notebook always uses your files as they are on disk:
# save the file, run a cell, and the new code is there.

# %%
# %load_ext autoreload
# %autoreload 3
# %matplotlib inline

import time

import numpy as np

from exercise_code import check, load_dataset, load_model, save_model, submit
from exercise_code.common.plotting import show_images
from exercise_code.ex04_solver.pictures import show_curves, show_history
from exercise_code.ex04_solver.optimizer import SGD
from exercise_code.ex04_solver.solver import Solver
from exercise_code.ex05_neural_networks.losses import SoftmaxCrossEntropy
from exercise_code.ex05_neural_networks.network import Network
from exercise_code.ex05_neural_networks.optimizers import Adam
from exercise_code.ex05_neural_networks.pictures import show_activations
from exercise_code.ex06_hyperparameters.augmentation import flip_images, shift_images
from exercise_code.ex06_hyperparameters.images import cosine, prepare
from exercise_code.ex06_hyperparameters.layers import Dropout, LeakyReLU
from exercise_code.ex06_hyperparameters.network import Classifier
from exercise_code.ex06_hyperparameters.pictures import (
    show_dropped,
    show_rates,
    show_riddle,
    show_scores,
    show_searches,
)
from exercise_code.ex06_hyperparameters.regularisation import AdamW, add_l2_gradients, l2_penalty
from exercise_code.ex06_hyperparameters.search import LogUniform, grid, learning_rates, random_settings, search
from exercise_code.ex06_hyperparameters.training import Trainer

# %% [markdown]
# ## Why?
#
# The network of exercise 5 learned its training images by heart and was right for few others. And its numbers, the
# learning rate 0.001, 100 hidden units, 15 epochs, fell from the sky. Such numbers are **hyperparameters**: training does
# not find them, you do. This exercise is about how.
#
# The images are those of exercise 3, in ten classes. `prepare` makes a row of 3,072 numbers of each, about from -2 to 2:

# %%
train = load_dataset("cifar10", split="train")
val = load_dataset("cifar10", split="val")
X_train, X_val = prepare(train.images), prepare(val.images)
y_train, y_val = train.labels, val.labels
print(
    "X_train", X_train.shape, X_train.dtype, f" from {X_train.min():.0f} to {X_train.max():.0f}", " X_val", X_val.shape
)

picked = [np.flatnonzero(y_train == label)[0] for label in range(10)]
show_images(train.images[picked], [f"{label}: {train.classes[label]}" for label in range(10)], columns=10, size=1.1)

# %% [markdown]
# Most experiments below train on the first 1,000 images, so that each takes seconds.

# %%
X_some, y_some = X_train[:1000], y_train[:1000]


def accuracy_of(model, X, y):
    """The share of the samples that the model gets right."""
    return float((model.forward(X).argmax(axis=1) == y).mean())


# %% [markdown]
# ## 1. First overfit a single batch
#
# Before you search for the best settings of a network, find out whether it can learn at all. The cheapest test in deep
# learning: take 20 images and train on them alone. **A network that cannot learn 20 images by heart has a bug**, and no
# learning rate will fix it.
#
# Here are two networks that differ in one line:


# %%
def fit_one_batch(step, num_steps=60):
    """The losses of a network that is trained on the same 20 images again and again."""
    network, loss, optimizer = Network([3072, 50, 10]), SoftmaxCrossEntropy(), Adam(0.001)
    X, y = X_some[:20], y_some[:20]
    losses = []
    for _ in range(num_steps):
        scores = network.forward(X)
        losses.append(loss.forward(scores, y))
        grads = network.backward(loss.backward(scores, y))
        step(optimizer, network, grads)
    return losses


def right_step(optimizer, network, grads):
    optimizer.step(network.params, grads)


def step_with_a_bug(optimizer, network, grads):
    optimizer.step({name: param.copy() for name, param in network.params.items()}, grads)


losses = {"network A": fit_one_batch(right_step), "network B": fit_one_batch(step_with_a_bug)}
print({name: round(values[-1], 3) for name, values in losses.items()})
show_curves(losses, "the same 20 images, 60 times")

# %% [markdown]
# Network A should end below 0.01. If yours does not, go back to the checks of exercise 5 before you read on. Network B
# stays where it is, because its optimizer changes copies of the parameters.
#
# The very first value says something, too. Ten classes and no knowledge cost $\log 10 = 2.30$. A first loss of 3 is fine,
# since random weights make random guesses that are too sure of themselves. A first loss of 30 is not: the weights or
# the inputs are too large.
#
# ## 2. Which learning rate?
#
# The learning rate matters most, so look for it first, and look **far**: 0.00001 and 1 are both possible. To go from one to
# the other in equal *differences* would be a waste: of 100 equal steps between 0.00001 and 1, 90 lie above 0.1. What
# counts is the *ratio* of one rate to the next. Their logarithms should be evenly spaced:
#
# $$ r_i = \text{low} \cdot \left(\frac{\text{high}}{\text{low}}\right)^{i / (n - 1)} \qquad i = 0, \dots, n - 1 $$
#
# **By hand:** for low = 0.001, high = 1 and $n = 4$ the ratio of the ends is 1,000, and the exponents are 0, 1/3, 2/3, 1.
# So the rates are 0.001, 0.01, 0.1, 1: each ten times the one before.
#
# For a random search you need the same idea as a random number: draw the *logarithm* uniformly, then go back with the
# exponential function. Then a rate from 0.001 to 0.01 is as likely as one from 0.01 to 0.1.
#
# ## Task 1: the right scale (6 points)
#
# ●○○ · about 10 minutes · [search.py](../../exercise_code/ex06_hyperparameters/search.py)
#
# Fill in `learning_rates` and `LogUniform.sample`.
#
# - **in:** `learning_rates` gets `low`, `high` and how many rates; `sample` gets a generator, and has `self.low` and
#   `self.high`
# - **out:** `learning_rates` returns a list of floats, both ends included; `sample` returns one float
#
# <details><summary>Hint 1: where to look</summary>
#
# numpy has a function for numbers with equal ratios, and `rng.uniform(a, b)` draws between a and b.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# The logarithm of what you draw is uniform between the logarithms of low and high.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `np.geomspace`, as a list of floats. For a sample: `np.log` of both ends, `rng.uniform` between them, `np.exp` of the
# result.
#
# </details>

# %% role="checks" grade_id="scales" points=6
check("scales")

# %% [markdown]
# **A look at the result.** One epoch on 1,000 images with each of 16 rates, always from the same weights:


# %%
def train_briefly(network, learning_rate, num_epochs=1):
    """The mean loss on the 1,000 images after a training with Adam in batches of 50."""
    with np.errstate(all="ignore"):  # a rate that is far too large may leave the range of floats
        solver = Solver(network, SoftmaxCrossEntropy(), Adam(learning_rate), (X_some, y_some), (X_val, y_val), 50)
        solver.train(num_epochs)
        return SoftmaxCrossEntropy().forward(network.forward(X_some), y_some)


rates = learning_rates(1e-5, 1.0, 16)
losses = [train_briefly(Network([3072, 50, 10]), rate) for rate in rates]
before = SoftmaxCrossEntropy().forward(Network([3072, 50, 10]).forward(X_some), y_some)
show_rates(rates, losses, before)
print(f"lowest loss: {min(losses):.2f} with a learning rate of {rates[int(np.argmin(losses))]:.4f}")

# %% [markdown]
# Read it from left to right. With small rates hardly anything happens. Then the loss falls, down to about 1.8 between
# 0.0004 and 0.001. Then the steps become too long: the loss rises, and with rates above 0.01 the network is worse than
# before it was trained.
#
# Choose a rate on the slope **a little to the left of the lowest point**, say half of it: training for many epochs is
# less forgiving than a single one. And remember the range, here from 0.0001 to 0.003. It is what a search should cover.
#
# ## 3. Grid or random?
#
# Two settings, nine trials. A **grid** takes three values of each and tries all pairs. A **random search** draws both
# anew each time. Why should chance be better than order?
#
# Usually one setting matters a lot and another hardly at all, and you do not know which. A grid of nine trials tests only
# *three* values of the one that matters, each of them three times. Nine random trials test *nine* values of it.
#
# **By hand:** three settings with 4, 3 and 5 values make a grid of $4 \cdot 3 \cdot 5 = 60$ trials. A fourth setting with 4
# values makes 240. A random search of 60 trials stays one of 60, however many settings there are.
#
# ## Task 2: two searches (6 points)
#
# ●●○ · about 15 minutes · [search.py](../../exercise_code/ex06_hyperparameters/search.py)
#
# Fill in `grid` and `random_settings`.
#
# - **in:** `grid` gets a dict from names to lists of values; `random_settings` gets a dict from names to scales (such as
#   your `LogUniform`), how many settings to draw, and a generator
# - **out:** both return a list of settings, each a dict with the names as keys and one value for each
#
# <details><summary>Hint 1: where to look</summary>
#
# `itertools.product` goes through all combinations of several lists. A scale draws a value with `scale.sample(rng)`.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# A combination is a tuple in the order of the dict's keys: `zip` brings names and values together again. In
# `random_settings` each value of each setting is a call of `sample` of its own.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `itertools.product(*space.values())` in a loop, and `dict(zip(space, values))` in it. For random settings: a dict
# comprehension over `space.items()`, inside of a list comprehension over `range(count)`.
#
# </details>

# %% role="checks" grade_id="search" points=6
check("search")

# %% [markdown]
# **A look at the result:** nine trials of each kind, as if you had not looked at the learning rate yet. `search` is given: it
# tries all settings and puts the best first.


# %%
def evaluate(setting):
    """The validation accuracy of a short training with the setting."""
    network = Network([3072, round(setting["hidden units"]), 10])
    train_briefly(network, setting["learning rate"], num_epochs=2)
    return accuracy_of(network, X_val, y_val)


start = time.perf_counter()
values = {"learning rate": learning_rates(1e-5, 1.0, 3), "hidden units": [24, 48, 96]}
scales = {"learning rate": LogUniform(1e-5, 1.0), "hidden units": LogUniform(24, 96)}
found = {
    "grid": search(evaluate, grid(values)),
    "random": search(evaluate, random_settings(scales, 9, np.random.default_rng(30))),
}
for name, results in found.items():
    accuracy, setting = results[0]
    print(f"{name:6} best: {accuracy:.1%} with", {key: float(f"{value:.2g}") for key, value in setting.items()})
print(f"{time.perf_counter() - start:.0f} seconds")
show_searches(found, ("learning rate", "hidden units"))

# %% [markdown]
# The orange marks along the axes are the values that were tried: three on the left, nine on the right. Compare columns and
# rows on the left: the learning rate makes the difference, and of its three values two are useless. So six of nine trials
# were in vain. The search on the right should find about 31 % (the grid 28 %), and it shows where good rates are: from
# 0.0003 to 0.002. With so few trials luck plays its part, and another seed may turn the order round.
#
# Three rules for searches:
#
# - **Coarse to fine:** few epochs and wide ranges first, then more epochs around the best ones.
# - **A best value at the edge** of its range means that the range is too narrow. Move it, and search again.
# - **Differences smaller than chance say nothing.** With 500 validation images, accuracies of one network vary by about
#   $\sqrt{0.5 \cdot 0.5 / 500} = 2\,\%$ by the choice of the images alone. The best of many trials was lucky, too.
#
# ## 4. What do the curves say?
#
# The loss curves tell which setting to change. Three trainings of one network, with ten classes:

# %%
show_riddle()

# %% [markdown] role="written" grade_id="written_curves" points=5
# ## Task 3: three curves (5 points)
#
# ●●○ · about 10 minutes · answer in this cell
#
# For each of the three trainings, answer in two or three sentences:
#
# 1. What do you see, and what is the most likely cause?
# 2. What would you change, or look at, next? (One of the three is no matter of settings.)
#
# ### BEGIN SOLUTION
# A: Both losses are flat and high, little better than guessing, and the training loss lies above the validation loss. The
# network is held back in training: too much regularisation (a high rate of dropout, which is off in validation). Less
# dropout or weight decay, or a larger network.
#
# B: The training loss goes to 0.1 while the validation loss rises again after a few epochs: overfitting. Stop early, and
# regularise more: dropout, weight decay, augmentation, more data, a smaller network.
#
# C: The network learns its training images well, but for the validation images it is never better than guessing, from
# the first epoch on. Overfitting does not begin like that. It is a bug: validation images that are prepared in another
# way, or beside the wrong labels. Measure the training images with the code that measures the validation images, and
# look at a few validation images with their labels.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 2 points for A: underfitting (1 point); too much regularisation or dropout, with a change that fits (1 point). "Too
#   small a network" or "too small a learning rate" without a word on the order of the two curves: half a point for the
#   second.
# - 1 point for B: overfitting, and a remedy.
# - 2 points for C: it is a bug, not overfitting, because the validation loss never gets better than 2.30 (1 point); a
#   check that would find it, or a possible cause (1 point).
# ### END MARKING GUIDE

# %% [markdown]
# ## 5. Layers for a better network
#
# A ReLU whose input is negative for every image gives 0 for all of them, and its gradient is 0 as well: it never learns
# again. **LeakyReLU** leaves a small slope $s$ on the negative side, so that some gradient always gets through:
#
# $$ f(x) = \begin{cases} x & \text{if } x > 0 \\ s\,x & \text{otherwise} \end{cases} \qquad
#    f'(x) = \begin{cases} 1 & \text{if } x > 0 \\ s & \text{otherwise} \end{cases} $$
#
# **By hand,** with $s = 0.1$: $f(3) = 3$ and $f(-2) = -0.2$. If $g = 5$ arrives in backward, the gradients are 5 and 0.5.
#
# ## Task 4: LeakyReLU (4 points)
#
# ●○○ · about 5 minutes · [layers.py](../../exercise_code/ex06_hyperparameters/layers.py)
#
# Fill in `forward` and `backward` of `LeakyReLU`, a layer like those of exercise 5.
#
# - **in:** `forward` gets `x` of any shape; `backward` gets `dout` of the same shape, for the x of the last `forward`
# - **out:** new arrays of that shape; float32 stays float32, which halves the time of everything that follows

# %% role="checks" grade_id="leaky_relu" points=4
check("leaky_relu")

# %%
x = np.linspace(-3, 3, 121)
layer = LeakyReLU(0.2)
show_activations(x, {"LeakyReLU(0.2)": (layer.forward(x), layer.backward(np.ones_like(x)))})

# %% [markdown]
# The slope should jump from 0.2 to 1 at 0.
#
# ### Dropout
#
# **Dropout** makes overfitting hard by brute force: in each step of the training every hidden unit is switched off with
# probability $p$. No unit can rely on a certain other one being there, so each has to be useful by itself.
#
# What remains is divided by $1 - p$. Then the *mean* of an entry over many draws is what it was,
#
# $$ p \cdot 0 + (1 - p) \cdot \frac{x}{1 - p} = x, $$
#
# and in evaluation, where nothing is dropped, the next layer meets numbers of the size that it knows. So a dropout layer
# has two modes, and says in its attribute `training` in which it is.
#
# **By hand:** $x = (2, 6, 4)$, $p = 0.5$, and the draw keeps the first and the last entry. Forward gives $(4, 0, 8)$. If
# $g = (1, 5, -3)$ arrives in backward, the gradient is $(2, 0, -6)$: an entry that was dropped had no influence on the
# loss, and the others counted twice.
#
# ## Task 5: dropout (10 points)
#
# ●●○ · about 20 minutes · [layers.py](../../exercise_code/ex06_hyperparameters/layers.py)
#
# Fill in `forward` and `backward` of `Dropout`.
#
# - **in:** `forward` gets `x` of any shape; `backward` gets `dout` of the same shape; `self.rate`, `self.rng` and
#   `self.training` are there
# - **out:** in training, x with entries dropped and the others enlarged; in evaluation or with rate 0, x as it is.
#   `backward` returns the gradient for x, with the draw of the last `forward`
#
# <details><summary>Hint 1: where to look</summary>
#
# `self.rng.random(x.shape)` gives a number from 0 to 1 for each entry: it is below `rate` with probability `rate`.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Make a mask: 0 where an entry is dropped, 1 / (1 - rate) elsewhere. Forward multiplies x by it, backward multiplies dout
# by the same one, so keep it. After a forward in evaluation, backward must not use the mask of an earlier one.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `(self.rng.random(x.shape) >= self.rate)` is an array of bools. `.astype(x.dtype)` makes numbers of the right kind of it,
# and then comes the division. In evaluation set the kept mask to None.
#
# </details>

# %% role="checks" grade_id="dropout" points=10
check("dropout")

# %% [markdown]
# **A look at the result.** A layer of six hidden units that are all 1, in two steps of training and in evaluation:

# %%
layer = Dropout(0.5, np.random.default_rng(6))
ones = np.ones((1, 6))
masks = {f"training, step {step}": layer.forward(ones)[0] > 0 for step in (1, 2)}
layer.training = False
masks["evaluation"] = layer.forward(ones)[0] > 0
show_dropped(masks)

layer.training = True
draws = np.array([layer.forward(ones)[0] for _ in range(5000)])
print("mean of each unit over 5,000 draws:", draws.mean(axis=0).round(2))

# %% [markdown]
# Each step trains another network, and evaluation uses all units. The means should be from 0.95 to 1.05. If they are near
# 0.5, what was kept has not been enlarged.
#
# ### The classifier
#
# Now a network with dropout after each activation. Its settings are one dict, `hparams`, for two reasons: a search can
# make it, and it can be saved beside the weights, so that anyone can build the same network again.

# %% [markdown]
# ## Task 6: the classifier (9 points)
#
# ●●○ · about 15 minutes · [network.py](../../exercise_code/ex06_hyperparameters/network.py)
#
# `Classifier` inherits from your `Network` of exercise 5. Fill in `_build`, `train` and `eval`. The names of the parameters
# follow from the places of the layers, so keep to the order: Affine, activation, Dropout, Affine, ..., Affine.
#
# - **in:** `_build` gets the sizes, the name of the activation, a generator and `init`, and finds the rate in
#   `self.hparams`; `train` and `eval` get nothing
# - **out:** `_build` returns the list of layers; `train` and `eval` return nothing, and switch all dropout layers
#
# <details><summary>Hint 1: where to look</summary>
#
# Your `_build` of exercise 5. `isinstance(layer, Dropout)` tells dropout layers from others.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Before each affine layer but the first come a new activation and a new dropout layer. All of them share one `rng`.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `Dropout(self.hparams["dropout"], rng)`, and `Affine(num_in, num_out, rng, init)` for each pair of neighbours in `sizes`.
# `eval` sets `layer.training = False` in a loop over `self.layers`.
#
# </details>

# %% role="checks" grade_id="classifier" points=9
check("classifier")

# %%
hparams = {"sizes": [3072, 64, 32, 10], "activation": "leaky_relu", "dropout": 0.3, "seed": 0}
classifier = Classifier(hparams)
for place, layer in enumerate(classifier.layers):
    shapes = {name: param.shape for name, param in layer.params.items()}
    print(place, type(layer).__name__, shapes or "")
print(f"{sum(param.size for param in classifier.params.values()):,} parameters")

# %% [markdown]
# There should be seven layers, with parameters at 0, 3 and 6, and $3072 \cdot 64 + 64 + 64 \cdot 32 + 32 + 32 \cdot 10 + 10
# = 199{,}082$ parameters.
#
# ## 6. Stop early
#
# Without dropout, on 1,000 images, the classifier overfits quickly. The simplest remedy is in your solver of exercise 4
# already: measure the validation loss after each epoch, keep the parameters of the best one, and stop if nothing got
# better for a while (`patience`).

# %%
classifier = Classifier(hparams | {"dropout": 0.0})
solver = Solver(
    classifier, SoftmaxCrossEntropy(), Adam(0.0005), (X_some, y_some), (X_val, y_val), batch_size=50, patience=5
)
history = solver.train(40)
print("why it stopped:", history.stopped, "| best epoch:", history.best_epoch)
print(
    f"accuracy: training {accuracy_of(classifier, X_some, y_some):.0%}, validation {accuracy_of(classifier, X_val, y_val):.0%}"
)
show_history(history, "early stopping with patience 5")

# %% [markdown]
# The best epoch should be about the 5th to the 9th, with 72 % right in training and 35 % in validation. Training on would only make the gap wider. Early stopping costs nothing,
# so use it always. But it does not help the network to learn more. The next three tools do.
#
# ## 7. Keep weights small
#
# A network that learns by heart needs large weights to bend its answer around single images. So let large weights cost
# something. **L2 regularisation** adds to the loss, for all weights $w$ (not for biases, which bend nothing),
#
# $$ \frac{\lambda}{2} \sum_w w^2, \qquad \text{whose gradient for } w \text{ is } \lambda\, w. $$
#
# **By hand:** for weights 3 and -1 and $\lambda = 0.1$ the penalty is $0.05 \cdot (9 + 1) = 0.5$. The gradients grow by 0.3
# and -0.1.
#
# ## Task 7: L2 regularisation (5 points)
#
# ●○○ · about 10 minutes · [regularisation.py](../../exercise_code/ex06_hyperparameters/regularisation.py)
#
# Fill in `l2_penalty` and `add_l2_gradients`. `is_weight(name)` is given, and says whether a parameter is a weight.
#
# - **in:** `l2_penalty` gets a dict of parameters and λ as `strength`; `add_l2_gradients` gets a dict of gradients, too
# - **out:** `l2_penalty` returns a float; `add_l2_gradients` returns a new dict of gradients, and changes none of its inputs

# %% role="checks" grade_id="l2" points=5
check("l2")

# %% [markdown]
# **A look at the result.** One step of SGD with $\eta = 0.1$ and $\lambda = 0.5$. With the gradient of the penalty, a weight
# goes to
#
# $$ w - \eta\,(g + \lambda w) = (1 - \eta\lambda)\, w - \eta\, g, $$
#
# that is, it first shrinks by a share $\eta\lambda$ (it *decays*), and then takes its usual step:

# %%
weight, grad = {"0.weight": np.array([[2.0, -1.0]])}, {"0.weight": np.array([[0.3, 0.7]])}
with_penalty = {name: param.copy() for name, param in weight.items()}
SGD(0.1).step(with_penalty, add_l2_gradients(grad, weight, 0.5))
decayed = {name: (1 - 0.1 * 0.5) * param for name, param in weight.items()}
SGD(0.1).step(decayed, grad)
print("L2 penalty:  ", with_penalty["0.weight"], f" (it was {l2_penalty(weight, 0.5)})")
print("weight decay:", decayed["0.weight"])

# %% [markdown]
# Both lines should be [1.87, -1.02], and the penalty 1.25. This is why L2 regularisation is often called weight decay. For
# SGD the two are the same.
#
# **For Adam they are not.** Here are two weights that start at 1. Their gradients are noise without any direction, large
# for one weight and small for the other. Nothing but the regularisation should move them, and both should shrink
# alike:


# %%
def shrinking(optimizer, strength, num_steps=600):
    """The sizes of two weights under noisy gradients; L2 gradients of a strength are added to these."""
    params, rng = {"large.weight": np.ones(200), "small.weight": np.ones(200)}, np.random.default_rng(0)
    sizes = {"gradients of size 1": [], "gradients of size 0.01": []}
    for _ in range(num_steps):
        noise = {"large.weight": rng.normal(0, 1, 200), "small.weight": rng.normal(0, 0.01, 200)}
        optimizer.step(params, add_l2_gradients(noise, params, strength))
        for values, param in zip(sizes.values(), params.values(), strict=True):
            values.append(float(param.mean()))
    return sizes


show_curves(shrinking(Adam(0.002), 0.1), "Adam with an L2 penalty", labels=("step", "mean weight"))

# %% [markdown]
# The weight with small gradients has shrunk to about 0.2 after 600 steps. The one with large gradients is still at 0.9. Adam divides
# each gradient, the penalty's part included, by the usual size of this weight's gradients. So the weights that
# are pulled about most are regularised least.
#
# **AdamW** keeps the two apart: shrink the weight by the share $\eta\lambda$, as SGD would, and let Adam see the gradient of
# the loss alone.
#
# **By hand:** $w = 1$, $g = 100$, $\eta = 0.1$, $\lambda = 0.5$. The decay takes $0.1 \cdot 0.5 \cdot 1 = 0.05$. Adam's first
# step is always about $\eta = 0.1$ (exercise 5). Together: 0.85.
#
# ## Task 8: AdamW (7 points)
#
# ●●○ · about 10 minutes · [regularisation.py](../../exercise_code/ex06_hyperparameters/regularisation.py)
#
# `AdamW` inherits from your `Adam`. Fill in `_update`.
#
# - **in:** the parameter's `name`, its array `param`, its gradient `grad`
# - **out:** nothing; `param` has changed in place: first it has shrunk, if it is a weight, then Adam has taken its step
#
# <details><summary>Hint 1: where to look</summary>
#
# Adam's own step is there already: in a subclass, `super()` is the way to the methods of the class above.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Two lines: shrink, then Adam's step. In place, as every optimizer: the network computes with this array.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `if is_weight(name):`, then `param -= ...` with the learning rate, the decay and `param` itself.
#
# </details>

# %% role="checks" grade_id="adamw" points=7
check("adamw")

# %%
show_curves(shrinking(AdamW(0.002, weight_decay=1.0), 0.0), "AdamW", labels=("step", "mean weight"))

# %% [markdown]
# Now both weights shrink alike, to about 0.3 after 600 steps: $(1 - 0.002 \cdot 1)^{600} = 0.30$. If they part, the decay
# has gone through Adam's division.

# %% [markdown] role="written" grade_id="written_decay" points=3
# ## Task 9: two kinds of decay (3 points)
#
# ●●○ · about 5 minutes · answer in this cell
#
# A classmate trains with Adam and adds the L2 gradient. She raises λ tenfold, and the largest weights of her network hardly
# change. Explain in two or three sentences why, and what she should do. Why does she not have this problem with SGD?
#
# ### BEGIN SOLUTION
# Adam divides the whole gradient, penalty included, by the root of the running mean of its squares. For weights with large
# gradients the penalty's part is small against this divisor, so they hardly shrink; where the penalty dominates, a larger
# λ is divided away again. She should decay the weights directly, beside Adam's step (AdamW). SGD divides by nothing: there
# the L2 gradient shrinks every weight by the same share ηλ.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 2 points: the penalty's gradient goes through Adam's division, so that weights with large gradients shrink less (1
#   point for "Adam scales the gradient" without the consequence).
# - 1 point: decoupled decay (AdamW), or that for SGD both are the same since nothing is divided.
# ### END MARKING GUIDE

# %% [markdown]
# ## 8. More images from the same images
#
# A mirrored car is a car, and so is one that stands two pixels further to the left. **Augmentation** changes the images a
# little each time they are used, in ways that do not change what they show. The network rarely sees the same row of
# numbers twice, and learning by heart gets hard.
#
# Two cheap ways: mirror an image with probability 1/2, and shift it by a few pixels. Pixels that move in are copies of the
# border:
#
# | row of pixels | moved 1 to the right | moved 2 to the left |
# |---|---|---|
# | 1 2 3 4 | 1 1 2 3 | 3 4 4 4 |
#
# ## Task 10: flips and shifts (9 points)
#
# ●●○ · about 20 minutes · [augmentation.py](../../exercise_code/ex06_hyperparameters/augmentation.py)
#
# Fill in `flip_images` and `shift_images`. Every image has its own draw: a batch in which all images move together teaches
# less.
#
# - **in:** `images` of shape (N, height, width, 3), a generator `rng`, and for shifts `most`, the largest number of pixels
# - **out:** a new array of the same shape and dtype
#
# <details><summary>Hint 1: where to look</summary>
#
# Axis 2 of `images` goes from left to right. `np.pad` with `mode="edge"` repeats the border. `rng.integers` leaves out its
# upper end.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Flips: draw a bool for each image, and take the mirrored image where it is true. Shifts: pad all images by `most` on each
# side, then cut a window of the old size out of each, at a random place.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `images[:, :, ::-1]` mirrors all images; `np.where` with the bools in the shape (N, 1, 1, 1) chooses. The window of image i
# is `padded[i, top : top + height, left : left + width]`, with `top` and `left` from 0 to 2 * most.
#
# </details>

# %% role="checks" grade_id="augmentation" points=9
check("augmentation")


# %%
def augment(images, rng):
    """Images that are mirrored half of the time and moved by up to three pixels."""
    return shift_images(flip_images(images, rng), rng, 3)


one = np.repeat(train.images[picked[1]][None], 8, axis=0)
versions = np.concatenate([one[:1], augment(one, np.random.default_rng(3))[:7]])
show_images(versions, ["the image", *["a version"] * 7], columns=8, size=1.2)

# %% [markdown]
# Some versions should be mirrored, and all of them sit at slightly different places, without black borders.
#
# > **Think.** Would you mirror images of handwritten digits? Images of ships upside down?
#
# <details><summary>Open this when you have an answer.</summary>
#
# No: a mirrored 2 is no digit at all, and a network that accepts it wastes its strength. Nor are ships upside down among the
# images that it will be asked about. An augmentation should make images that could have been in the data set.
#
# </details>
#
# ## 9. A bug hunt
#
# `Trainer` brings everything together. It is a `Solver` that augments each batch, adds the L2 penalty, lets the learning
# rate fall along a `schedule`, measures the accuracy in evaluation mode, keeps the best parameters and stops early. It is
# finished, it runs, and **it has three bugs**. None of them raises an error. That is how bugs in training code are.
#
# So do what you would do with your own code: make small experiments whose results you know beforehand. Three of them:


# %%
def experiment(dropout, num_epochs, count=200):
    """A trainer of a small classifier on few images, after its training, and the history."""
    model = Classifier({"sizes": [3072, 40, 10], "activation": "relu", "dropout": dropout, "seed": 1})
    data = (train.images[:count], y_train[:count]), (val.images, y_val)
    trainer = Trainer(model, SoftmaxCrossEntropy(), Adam(0.001), *data, batch_size=50)
    return trainer, trainer.train(num_epochs)


trainer, history = experiment(dropout=0.0, num_epochs=15)
loss, accuracy = trainer.measure(train.images[:200], y_train[:200])
print(f"1. after 15 epochs on 200 images, {accuracy:.0%} of these 200 are right")

trainer, history = experiment(dropout=0.5, num_epochs=15)
twice = [trainer.measure(val.images, y_val)[1] for _ in range(2)]
print(f"2. validation accuracy, measured twice: {twice[0]:.1%} and {twice[1]:.1%}")

_, accuracy = trainer.measure(val.images, y_val)
best = max(history.val_score)
print(f"3. the best epoch had {best:.1%}; the model that training left behind has {accuracy:.1%}")

# %% [markdown]
# Expected of a right trainer:
#
# 1. More than 80 %, because a network can learn 200 images by heart (section 1). If it is near 10 %, it was not trained on
#    these images *with these labels*.
# 2. Twice the same number. In evaluation nothing is random.
# 3. Twice the same number. The best parameters were kept, and came back.
#
# ## Task 11: three bugs (12 points)
#
# ●●● · about 30 minutes · [training.py](../../exercise_code/ex06_hyperparameters/training.py)
#
# Find and fix the three bugs. Each is fixed by changing one line, or by adding one. Everything else in the file is
# right. Run the experiments above after each change: they tell you more than the check does.
#
# - **in:** a file that runs
# - **out:** the same file, fixed
#
# <details><summary>Hint 1: where to look</summary>
#
# Each experiment points to another method: to the one that makes the batches, to the one that measures, and to the one that
# keeps the best parameters.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# What goes through the model is an image, and what the loss compares with is a label: follow both from the data to the
# step. Which layer of a classifier behaves differently in training? And what does a dict of arrays hold after the arrays
# have changed in place?
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# Images and labels have to be indexed by the same numbers. A method of the model is missing before a `forward`. And
# `_note_best` of your exercise 4 did the third thing right.
#
# </details>

# %% role="checks" grade_id="hunt" points=12
check("hunt")

# %% [markdown] role="written" grade_id="written_bugs" points=4
# ## Task 12: name the bugs (4 points)
#
# ●○○ · about 5 minutes · answer in this cell
#
# For each of the three bugs: what was wrong, in one sentence, and by which observation you could have noticed it
# without reading the code?
#
# ### BEGIN SOLUTION
# - The images of a batch were taken in shuffled order, their labels in the old order, so most images had a wrong label. The
#   network cannot even learn a few images by heart; the loss stays near 2.30.
# - The model was measured in training mode, with dropout at work. Two measurements of one model differ, and the validation
#   accuracy is lower than it should be.
# - The best parameters were kept by reference, not as copies, so later steps changed them, too. The model after the
#   training is the one of the last epoch: its accuracy is not the best one in the history.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 1 point for each bug, named in a way that shows that it was understood.
# - 1 point for observations that fit, for at least two of the three.
# ### END MARKING GUIDE

# %% [markdown]
# ## 10. What helps?
#
# With a trainer that you can trust: the same network and 1,000 images, plain, and with each of the tools.


# %%
def compare(dropout=0.0, weight_decay=0.0, augment=None, num_epochs=40):
    """The history of a training on 1,000 images."""
    model = Classifier({"sizes": [3072, 64, 32, 10], "activation": "leaky_relu", "dropout": dropout, "seed": 0})
    data = (train.images[:1000], y_some), (val.images, y_val)
    optimizer = AdamW(0.0007, weight_decay)
    return Trainer(model, SoftmaxCrossEntropy(), optimizer, *data, batch_size=50, augment=augment).train(num_epochs)


start = time.perf_counter()
histories = {
    "plain": compare(),
    "dropout 0.2": compare(dropout=0.2),
    "weight decay 2": compare(weight_decay=2.0),
    "augmentation": compare(augment=augment),
    "all three": compare(dropout=0.1, weight_decay=1.0, augment=augment),
}
for name, history in histories.items():
    print(f"{name:15} training loss {history.train_loss[-1]:.2f}, best accuracy {max(history.val_score):.1%}")
print(f"{time.perf_counter() - start:.0f} seconds")
show_scores(histories)

# %% [markdown]
# Look at the left picture first. The plain network learns its 1,000 images by heart, down to a loss of 0.02. Every tool
# raises the training loss, to between 0.3 and 1.4: that is what it is for.
#
# On the right, weight decay should be a little ahead, near 44 %, and the others at 40 to 42 %. Remember the rule of section
# 3: with 500 images two per cent are chance. What you can say is that the curves with a high training loss are still
# rising after 40 epochs, and the plain one is not. Regularised networks need **more epochs**, and pay it back when they
# get them and more images. If dropout or augmentation does not raise the training loss at all, your trainer does not use
# it.
#
# ## 11. Your own classifier
#
# Now use all training images, and what you have learned. The settings below are a start that reaches about the second step of
# Task 13. Improve them: one change at a time, and write down what it gave. What usually helps, in this order: more epochs
# with augmentation and a falling learning rate; a larger first layer; the learning rate and the weight decay by a
# random search; a little dropout.

# %%
HPARAMS = {"sizes": [3072, 128, 64, 10], "activation": "leaky_relu", "dropout": 0.1, "seed": 0}
LEARNING_RATE = 0.001
WEIGHT_DECAY = 0.3
BATCH_SIZE = 100
NUM_EPOCHS = 40
PATIENCE = 15

# %%
classifier = Classifier(HPARAMS)
trainer = Trainer(
    classifier,
    SoftmaxCrossEntropy(),
    AdamW(LEARNING_RATE, WEIGHT_DECAY),
    (train.images, y_train),
    (val.images, y_val),
    batch_size=BATCH_SIZE,
    patience=PATIENCE,
    augment=augment,
    schedule=cosine,
)
start = time.perf_counter()
history = trainer.train(NUM_EPOCHS)
print(f"{len(history.val_score)} epochs in {time.perf_counter() - start:.0f} seconds; {history.stopped}")
print(f"best epoch {history.best_epoch}: validation accuracy {max(history.val_score):.1%}")
show_scores({"your classifier": history})

# %% [markdown]
# On drawn images expect 53 to 56 % after about a minute. A small network without any tool is right for
# about 50 % of them, and a linear model for 40 %. With 150 epochs, a dropout of 0.2 and twice the learning rate, these three tools reach 61 to 64 %.
# If yours stays below 50 %, look at the training loss: above 1.6 it was held back too much, below 0.5 too little.
#
# What does it get wrong?

# %%
classifier.eval()
guesses = classifier.forward(X_val).argmax(axis=1)
wrong = np.flatnonzero(guesses != y_val)[:10]
show_images(
    val.images[wrong],
    [f"{val.classes[guesses[i]]}?\nit is a {val.classes[y_val[i]]}" for i in wrong],
    columns=10,
    size=1.2,
)

# %% [markdown]
# ## Save the classifier
#
# `save_model` writes two files into `models/`, beside this notebook: the weights, and the hyperparameters from which the
# grader builds your `Classifier` again. So train and save anew when you change `network.py`. With `keep_best` an earlier
# classifier stays if it is better on the validation images, so an unlucky run costs nothing.

# %%
path = save_model(classifier, "classifier", HPARAMS, data_source=train.source, keep_best=(X_val, y_val))

# %%
saved = load_model("classifier", Classifier)
saved.eval()
print(f"accuracy of the saved classifier: {accuracy_of(saved, X_val, y_val):.1%}")

# %% [markdown]
# This should be the accuracy from above, or a better one from an earlier run.
#
# ## Task 13: a trained classifier (20 points)
#
# ●●● · about 60 minutes · in this notebook
#
# Hand in the best classifier you can get. The points come in steps:
#
# | step | accuracy on drawn images | on photographs | points |
# |---|---|---|---|
# | beats a linear model | 0.45 | 0.4 | 5 |
# | beats a small network | 0.52 | 0.44 | 10 |
# | passes | 0.57 | 0.48 | 20 |
#
# - **in:** what `save_model` wrote: at most 5 million parameters and 20 MB
# - **out:** an accuracy, compared after rounding to three decimals
#
# This check uses the validation images and says which step you have reached. The points come from images that nobody has
# seen. You have chosen your settings by the validation images, so expect a little less there, and leave yourself some
# room.

# %% role="checks" grade_id="classifier_score" points=20
check("classifier_score")

# %% [markdown]
# ## What you learned
#
# - A network that cannot learn one batch by heart has a bug.
# - Learning rates live on a logarithmic scale. Look far first, then close.
# - Random searches try more values of the setting that matters. Small differences are chance.
# - Early stopping, weight decay, dropout and augmentation all make it harder to learn by heart, each in its own way.
# - L2 and weight decay are the same for SGD, and not for Adam.
# - Code that trains can be wrong without an error. Small experiments with known results find out.
#
# ## Hand in
#
# This packs your notebooks, modules and classifier into a zip, runs the checks on what is inside, and tells you if something
# is missing. Save this notebook before you run the cell. You can hand in as often as you like until the deadline.

# %%
submit("ex06_hyperparameters")

# %% [markdown]
# **Next:** part 2 of this exercise (optional) normalises what goes through the layers. In exercise 7 a library does
# the way back for you.
#
# ## Read on
#
# - [Random search for hyper-parameter optimization](https://www.jmlr.org/papers/v13/bergstra12a.html), Bergstra and Bengio:
#   the picture of section 3 is on its fourth page.
# - [Decoupled weight decay regularization](https://arxiv.org/abs/1711.05101), Loshchilov and Hutter: AdamW.
# - [A recipe for training neural networks](https://karpathy.github.io/2019/04/25/recipe/), Andrej Karpathy: overfit one batch,
#   and much more.
