# %% [markdown]
# # Exercise 6, part 2: normalisation (optional)
#
# **What you will build:** layers that keep the numbers inside of a network at one size: batch, layer, weight and
# switchable normalisation, forward and back. The same network is trained with each.
#
# **Points:** none. Nothing in this notebook is graded.
#
# **Time:** about 80 minutes.
#
# **What you need:** part 1, and the gradient check of exercise 5.
#
# | task | what you write | difficulty | points |
# |---|---|---|---|
# | 14 | `LayerNorm` | ●●○ | |
# | 15 | `weight_norm_gradients` | ●●● | |

# %%
# %load_ext autoreload
# %autoreload 3
# %matplotlib inline

import itertools

import numpy as np

from exercise_code import load_dataset
from exercise_code.ex05_neural_networks.gradient_check import numeric_gradient, relative_error
from exercise_code.ex05_neural_networks.layers import Affine, Layer
from exercise_code.ex05_neural_networks.losses import SoftmaxCrossEntropy
from exercise_code.ex05_neural_networks.pictures import show_layers
from exercise_code.ex06_hyperparameters.images import prepare
from exercise_code.ex06_hyperparameters.layers import LeakyReLU
from exercise_code.ex06_hyperparameters.network import Classifier
from exercise_code.ex06_hyperparameters.pictures import show_axes_of_norms, show_scores
from exercise_code.ex06_hyperparameters.regularisation import AdamW
from exercise_code.ex06_hyperparameters.training import Trainer

train = load_dataset("cifar10", split="train")
val = load_dataset("cifar10", split="val")

# %% [markdown]
# ## Why?
#
# In exercise 5 you chose the size of the weights so that outputs keep their size from layer to layer. That holds at the
# start. Then training changes the weights, and what a layer gets in step 1,000 looks different from what it got in step 1.
# Instead of hoping that numbers stay in a good range, one can *put* them there, in every step: subtract their mean, divide
# by their standard deviation.
#
# Mean of what? There are several answers:

# %%
show_axes_of_norms()

# %% [markdown]
# ## 1. Batch normalisation
#
# For each feature (a column, one unit of a layer), over the $m$ samples of the batch:
#
# $$ \mu = \frac{1}{m} \sum_{i=1}^m x_i \qquad \sigma^2 = \frac{1}{m} \sum_{i=1}^m (x_i - \mu)^2 \qquad
#    \hat x_i = \frac{x_i - \mu}{\sqrt{\sigma^2 + \varepsilon}} \qquad y_i = \gamma\, \hat x_i + \beta $$
#
# $\gamma$ and $\beta$ are parameters, one of each for every feature, 1 and 0 at the start. With them the layer can undo the
# normalisation where that is better.
#
# **By hand:** one feature of three samples, $x = (1, 2, 6)$. Then $\mu = 3$, $\sigma^2 = (4 + 1 + 9) / 3 = 4.67$, and
# $\hat x = (-2, -1, 3) / 2.16 = (-0.93, -0.46, 1.39)$.
#
# **The way back.** Let $g_i$ be the gradient for $\hat x_i$, which is `dout` times $\gamma$. The input $x_i$ acts on the loss
# in three ways: directly, through $\mu$, and through $\sigma^2$. The chain rule over all three, sorted, is
#
# $$ \frac{\partial L}{\partial x_i} = \frac{1}{\sqrt{\sigma^2 + \varepsilon}}
#    \left( g_i - \frac{1}{m} \sum_j g_j - \hat x_i \cdot \frac{1}{m} \sum_j g_j\, \hat x_j \right) $$
#
# It says: from the gradient, take away its mean, and the part that points along $\hat x$. These are the two directions in
# which moving $x$ has no effect, because the layer subtracts the mean and divides by the size.
#
# **In evaluation** there may be a single image, which has no mean worth the name. So the layer keeps running means of
# $\mu$ and $\sigma^2$ in training, and uses those.


# %%
class BatchNorm(Layer):
    """Each feature with mean 0 and variance 1 over the batch, then scaled and shifted."""

    def __init__(self, size, epsilon=1e-5, momentum=0.9):
        super().__init__()
        self.epsilon, self.momentum, self.training = epsilon, momentum, True
        self.params = {"gamma": np.ones(size), "beta": np.zeros(size)}
        self.mean, self.var = np.zeros(size), np.ones(size)

    def forward(self, x):
        mean, var = self.mean, self.var
        if self.training:
            mean, var = x.mean(axis=0), x.var(axis=0)
            self.mean = self.momentum * self.mean + (1 - self.momentum) * mean
            self.var = self.momentum * self.var + (1 - self.momentum) * var
        self.root = np.sqrt(var + self.epsilon)
        self.normal = (x - mean) / self.root
        return self.params["gamma"] * self.normal + self.params["beta"]

    def backward(self, dout):
        self.grads = {"gamma": (dout * self.normal).sum(axis=0), "beta": dout.sum(axis=0)}
        g = dout * self.params["gamma"]
        return (g - g.mean(axis=0) - self.normal * (g * self.normal).mean(axis=0)) / self.root


print(BatchNorm(1).forward(np.array([[1.0], [2.0], [6.0]])).ravel().round(2))

# %% [markdown]
# You should see the three numbers from above. Is the way back right? Measure it, as in exercise 5:


# %%
def check_gradients(layer, shape=(6, 5), seed=0):
    """Print the relative error of each gradient of a layer against a measured one."""
    rng = np.random.default_rng(seed)
    for param in layer.params.values():
        param += 0.3 * rng.normal(size=param.shape)
    x, dout = rng.normal(1, 2, shape), rng.normal(size=shape)
    layer.forward(x)
    gradients = {"x": layer.backward(dout)} | layer.grads
    for name, gradient in gradients.items():
        moved = x if name == "x" else layer.params[name]
        measured = numeric_gradient(lambda _: layer.forward(x), moved, dout)
        print(f"{type(layer).__name__:16} {name:8} relative error {relative_error(gradient, measured):.0e}")


check_gradients(BatchNorm(5))

# %% [markdown]
# Expect errors of 1e-8 or less, at most 1e-6 where a gradient happens to be small. Leave out one of the two corrections in
# `backward`, and the error of x is near 1.
#
# ## 2. Layer normalisation
#
# The same formulas, but mean and variance are taken over the $m$ *features* of one sample. Then samples do not depend on each
# other, a batch may be as small as you like, and training and evaluation do the same. Networks for texts use it.
#
# ## Task 14: layer normalisation (not graded)
#
# ●●○ · about 15 minutes · in the cell below
#
# - **in:** `forward` gets `x` of shape (N, D); `backward` gets `dout` of that shape; γ and β have the shape (D,) as before
# - **out:** `forward` returns an array (N, D) whose rows were normalised; `backward` returns the gradient for x, and puts those
#   of γ and β into `self.grads`
#
# <details><summary>Hint 1: where to look</summary>
#
# `BatchNorm`, without its two modes. What has to change, and what must *not* change?
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Statistics now go along axis 1. But γ and β still belong to features, and are shared by all samples: their gradients are
# sums over the samples, as before.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `x.mean(axis=1, keepdims=True)`: with `keepdims` the result has the shape (N, 1), which fits (N, D).
#
# </details>


# %% role="solution" grade_id="extra_layer_norm"
class LayerNorm(Layer):
    """Each sample with mean 0 and variance 1 over its features, then scaled and shifted."""

    def __init__(self, size, epsilon=1e-5):
        super().__init__()
        self.epsilon = epsilon
        self.params = {"gamma": np.ones(size), "beta": np.zeros(size)}

    def forward(self, x):
        ### BEGIN SOLUTION
        self.root = np.sqrt(x.var(axis=1, keepdims=True) + self.epsilon)
        self.normal = (x - x.mean(axis=1, keepdims=True)) / self.root
        return self.params["gamma"] * self.normal + self.params["beta"]
        ### END SOLUTION

    def backward(self, dout):
        ### BEGIN SOLUTION
        self.grads = {"gamma": (dout * self.normal).sum(axis=0), "beta": dout.sum(axis=0)}
        g = dout * self.params["gamma"]
        along = (g * self.normal).mean(axis=1, keepdims=True)
        return (g - g.mean(axis=1, keepdims=True) - self.normal * along) / self.root
        ### END SOLUTION


# %%
print(LayerNorm(3).forward(np.array([[1.0, 2.0, 6.0]])).round(2))
check_gradients(LayerNorm(5))

# %% [markdown]
# The row of three is the one that batch normalisation made of a column. The errors should be as small as above.
#
# ## 3. Weight normalisation
#
# One can also leave the outputs alone and normalise the *weights*. The weights $w$ of a unit (a column of the matrix) are
# written as a length $g$ times a direction:
#
# $$ w = \frac{g}{\lVert v \rVert}\, v $$
#
# Training changes $g$ and $v$ instead of $w$. Let $d$ be the gradient for $w$. Then
#
# $$ \frac{\partial L}{\partial g} = \frac{d \cdot v}{\lVert v \rVert} \qquad\qquad
#    \frac{\partial L}{\partial v} = \frac{g}{\lVert v \rVert} \left( d - \frac{d \cdot v}{\lVert v \rVert^2}\, v \right) $$
#
# The second one is at right angles to $v$: a longer $v$ changes nothing.
#
# **By hand:** $v = (3, 4)$ has length 5. With $g = 10$ the weights are $(6, 8)$. For $d = (1, 2)$ we get $d \cdot v = 11$, so the
# gradient for $g$ is $2.2$, and that for $v$ is $2 \cdot ((1, 2) - 0.44 \cdot (3, 4)) = (-0.64, 0.48)$.
#
# ## Task 15: the gradients of weight normalisation (not graded)
#
# ●●● · about 15 minutes · in the cell below
#
# - **in:** `d`, the gradient for the weights, and `v`, both of shape (D, K); `g` of shape (K,), one length for each column
# - **out:** a tuple: the gradient for `g`, shape (K,), and that for `v`, shape (D, K)
#
# <details><summary>Hint 1: where to look</summary>
#
# Each column is a vector of its own. Its length is `np.linalg.norm(v, axis=0)`, and `(d * v).sum(axis=0)` has the products of
# the columns.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Compute both for all columns, shape (K,). The two formulas then work on whole arrays: numpy repeats (K,) along the rows.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `product / length` is the first answer, and `g / length * (d - product / length**2 * v)` the second.
#
# </details>


# %% role="solution" grade_id="extra_weight_norm"
def weight_norm_gradients(d, g, v):
    """The gradients for the lengths g and the directions v, from the gradient d for the weights."""
    ### BEGIN SOLUTION
    length, product = np.linalg.norm(v, axis=0), (d * v).sum(axis=0)
    return product / length, g / length * (d - product / length**2 * v)
    ### END SOLUTION


# %%
print(weight_norm_gradients(np.array([[1.0], [2.0]]), np.array([10.0]), np.array([[3.0], [4.0]])))


class WeightNormAffine(Affine):
    """An affine layer whose weights are a length for each output, times a direction."""

    def __init__(self, num_in, num_out, rng, init="he"):
        super().__init__(num_in, num_out, rng, init)
        direction = self.params.pop("weight")
        self.params |= {"length": np.linalg.norm(direction, axis=0), "direction": direction}

    def forward(self, x):
        self.x, v = x, self.params["direction"]
        self.weight = self.params["length"] * v / np.linalg.norm(v, axis=0)
        return x @ self.weight + self.params["bias"]

    def backward(self, dout):
        gradients = weight_norm_gradients(self.x.T @ dout, self.params["length"], self.params["direction"])
        self.grads = {"bias": dout.sum(axis=0), "length": gradients[0], "direction": gradients[1]}
        return dout @ self.weight.T


check_gradients(WeightNormAffine(5, 5, np.random.default_rng(0)))

# %% [markdown]
# The first line should show 2.2 and (-0.64, 0.48); the errors should be small again.
#
# ## 4. Switchable normalisation
#
# Which statistics are best? **Switchable normalisation** lets the network decide: it mixes the means of several kinds with
# weights that are learned, and the variances with other weights. (For images the mix has a third part, the mean of one
# channel of one image. Our features are single numbers, so there are two.)
#
# $$ \hat x = \frac{x - (a_1 \mu_\text{batch} + a_2 \mu_\text{layer})}
#    {\sqrt{b_1 \sigma^2_\text{batch} + b_2 \sigma^2_\text{layer} + \varepsilon}}
#    \qquad a = \text{softmax}(p), \quad b = \text{softmax}(q) $$
#
# Softmax keeps the weights positive with sum 1. The way back is the chain rule once more, through everything that $x$ acts
# on. It is written out below; the gradient check says whether each line is right.


# %%
class SwitchableNorm(Layer):
    """Normalises with a learned mix of the statistics of the batch and of the sample."""

    def __init__(self, size, epsilon=1e-5, momentum=0.9):
        super().__init__()
        self.epsilon, self.momentum, self.training = epsilon, momentum, True
        self.params = {"gamma": np.ones(size), "beta": np.zeros(size), "p": np.zeros(2), "q": np.zeros(2)}
        self.mean, self.var = np.zeros(size), np.ones(size)

    def forward(self, x):
        batch_mean, batch_var = self.mean, self.var
        if self.training:
            batch_mean, batch_var = x.mean(axis=0), x.var(axis=0)
            self.mean = self.momentum * self.mean + (1 - self.momentum) * batch_mean
            self.var = self.momentum * self.var + (1 - self.momentum) * batch_var
        self.means = batch_mean, x.mean(axis=1, keepdims=True)
        self.vars = batch_var, x.var(axis=1, keepdims=True)
        self.a, self.b = (np.exp(self.params[name]) / np.exp(self.params[name]).sum() for name in "pq")
        mean = self.a[0] * self.means[0] + self.a[1] * self.means[1]
        var = self.b[0] * self.vars[0] + self.b[1] * self.vars[1]
        self.x, self.root = x, np.sqrt(var + self.epsilon)
        self.normal = (x - mean) / self.root
        return self.params["gamma"] * self.normal + self.params["beta"]

    def backward(self, dout):
        g = dout * self.params["gamma"]
        dmean, dvar = -g / self.root, -0.5 * g * self.normal / self.root**2  # for each entry by itself
        dx = g / self.root
        for axis, (mean, a, b) in enumerate(zip(self.means, self.a, self.b, strict=True)):
            count = self.x.shape[axis]
            through_mean = a * dmean.sum(axis=axis, keepdims=True) / count
            through_var = b * dvar.sum(axis=axis, keepdims=True) * 2 * (self.x - mean) / count
            dx = dx + through_mean + through_var
        da = np.array([(dmean * mean).sum() for mean in self.means])
        db = np.array([(dvar * var).sum() for var in self.vars])
        self.grads = {"gamma": (dout * self.normal).sum(axis=0), "beta": dout.sum(axis=0)}
        self.grads |= {"p": self.a * (da - self.a @ da), "q": self.b * (db - self.b @ db)}  # softmax
        return dx


check_gradients(SwitchableNorm(5))

# %% [markdown]
# ## 5. The same network with each
#
# A deep network with six small layers. `_build` of part 1 is overridden once more. First without training, with weights that
# start much too large, with a standard deviation of 0.5. You saw in exercise 5 what happens then:


# %%
class NormalisedClassifier(Classifier):
    """A classifier of affine layers, each but the last followed by a normalisation and an activation."""

    def __init__(self, kind, sizes, weights_at_the_start="he"):
        self.kind, self.weights_at_the_start = kind, weights_at_the_start
        super().__init__({"sizes": sizes, "activation": "leaky_relu", "dropout": 0.0, "seed": 0})

    def _build(self, sizes, _activation, rng, _init):
        norms = {"batch": BatchNorm, "layer": LayerNorm, "switchable": SwitchableNorm}
        affine = WeightNormAffine if self.kind == "weight" else Affine
        layers = []
        for num_in, num_out in itertools.pairwise(sizes):
            if layers:
                layers += [norms[self.kind](num_in)] if self.kind in norms else []
                layers.append(LeakyReLU())
            layers.append(affine(num_in, num_out, rng, self.weights_at_the_start))
        return layers

    def train(self):
        self._set(True)

    def eval(self):
        self._set(False)

    def _set(self, training):
        for layer in self.layers:
            if isinstance(layer, BatchNorm | SwitchableNorm):
                layer.training = training


SIZES = [3072, *[48] * 6, 10]
outputs = {}
for kind in ("none", "batch", "layer"):
    x, found = prepare(train.images[:200]), []
    for layer in NormalisedClassifier(kind, SIZES, weights_at_the_start=0.5).layers:
        x = layer.forward(x)
        if isinstance(layer, LeakyReLU):
            found.append(x)
    outputs[kind] = found
show_layers(outputs, "outputs of LeakyReLU before the training")

# %% [markdown]
# Without normalisation the outputs grow from layer to layer, from a spread of 15 to one of 1,600. With batch or layer
# normalisation it stays near 0.6 in every layer, whatever the weights are.
#
# Now the training, with weights that start well (He), but a learning rate of 0.005. That is a lot for this network:

# %%
histories = {}
for kind in ("none", "batch", "layer", "weight", "switchable"):
    model = NormalisedClassifier(kind, SIZES)
    data = (train.images[:1000], train.labels[:1000]), (val.images, val.labels)
    history = Trainer(model, SoftmaxCrossEntropy(), AdamW(0.005, 0.0), *data, batch_size=50).train(12)
    print(f"{kind:10} training loss {history.train_loss[-1]:.2f}, best accuracy {max(history.val_score):.1%}")
    histories[kind] = history
show_scores(histories)
mixes = [layer.a for layer in model.layers if isinstance(layer, SwitchableNorm)]
print("share of the batch's mean in each layer of the switchable one:", [f"{a[0]:.2f}" for a in mixes])

# %% [markdown]
# Without normalisation the training loss should end near 1.6, with it between 0.9 and 1.2: normalised networks stand larger
# learning rates and learn faster. On validation the differences are small. Normalisation is no remedy for overfitting,
# and with so few images all of these networks overfit. With a learning rate of 0.001 you would hardly see a difference in
# the losses either. Try it.
#
# The switchable layers start with equal shares, 0.5, and 240 steps move them by a tenth at most.
#
# ## What you learned
#
# - Batch normalisation takes mean and variance of a feature over the batch, layer normalisation those of a sample over its
#   features, and switchable normalisation learns a mix. Weight normalisation separates the length of the weights from their
#   direction.
# - The way back takes away what the layer does not let through: the mean of the gradient, and its part along the output.
# - Batch statistics differ between training and evaluation: one more reason for `train()` and `eval()`.
#
# **Next:** exercise 7, in which PyTorch finds the gradients. `nn.BatchNorm1d` and `nn.LayerNorm` will look familiar.
#
# ## Read on
#
# - [Batch normalization](https://arxiv.org/abs/1502.03167), Ioffe and Szegedy; [layer normalization](https://arxiv.org/abs/1607.06450),
#   Ba, Kiros and Hinton.
# - [Weight normalization](https://arxiv.org/abs/1602.07868), Salimans and Kingma; [switchable
#   normalization](https://arxiv.org/abs/1806.10779), Luo and others.
