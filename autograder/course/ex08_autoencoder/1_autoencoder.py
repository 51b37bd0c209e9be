# %% [markdown]
# # Exercise 8: a hundred labels and many pictures
#
# **What you will build:** an autoencoder, a network that learns from pictures alone, without a single label. Then a
# classifier of digits for which only a hundred labels are to be had, and three ways to help it: an encoder that has learned
# before, augmentation, and labels that the model gives itself.
#
# **Time:** about three and a half hours, of which your computer trains for a few minutes. **To pass:** 70 of 100 points.
#
# **What you need:** PyTorch's `nn.Module`, autograd, and your `train_step` (exercise 7). Dropout (exercise 6) and batch
# normalisation (its optional notebook). Convolutions are explained here.
#
# **Where you write code:** in five short files, [shapes.py](../../exercise_code/ex08_autoencoder/shapes.py),
# [model.py](../../exercise_code/ex08_autoencoder/model.py), [transfer.py](../../exercise_code/ex08_autoencoder/transfer.py),
# [augmentation.py](../../exercise_code/ex08_autoencoder/augmentation.py) and
# [labels.py](../../exercise_code/ex08_autoencoder/labels.py).
#
# | task | what you fill in | file | check | points |
# |---|---|---|---|---|
# | 1 | `conv_size`, `transposed_size` | `shapes.py` | `shapes_sizes` | 5 |
# | 2 | `Encoder` | `model.py` | `encoder` | 7 |
# | 3 | `Decoder` | `model.py` | `decoder` | 7 |
# | 4 | `Autoencoder`, `reconstruction_loss` | `model.py` | `autoencoder` | 6 |
# | 5 | `Classifier` | `model.py` | `classifier` | 7 |
# | 6 | `freeze`, `parameter_groups` | `transfer.py` | `transfer` | 6 |
# | 7 | `affine_matrices` | `augmentation.py` | `augment_matrices` | 6 |
# | 8 | `augment_digits` | `augmentation.py` | `augment_digits` | 6 |
# | 9 | `labelled_loss` | `labels.py` | `labels_loss` | 5 |
# | 10 | `pseudo_labels` | `labels.py` | `labels_pseudo` | 5 |
# | 11 | `consistency_loss` | `labels.py` | `labels_consistency` | 6 |
# | 12 | a trained model, worth points in three steps | this notebook | `digits_score` | 24 |
# | 13, 14 | written answers | this notebook | | 10 |

# %%
# %load_ext autoreload
# %autoreload 3
# %matplotlib inline

from functools import partial

import torch
from torch import nn
from torch.utils.data import TensorDataset

from exercise_code import check, evaluate_model, get_device, load_dataset
from exercise_code import load_model, save_model, seed_everything, submit
from exercise_code.common.evaluation import predict
from exercise_code.common.models import count_parameters
from exercise_code.common.plotting import show_images
from exercise_code.common.training import cosine, train
from exercise_code.ex07_pytorch.training import train_step
from exercise_code.ex08_autoencoder.augmentation import affine_matrices, augment_digits
from exercise_code.ex08_autoencoder.labels import NO_LABEL, consistency_loss, labelled_loss, pseudo_labels
from exercise_code.ex08_autoencoder.model import HPARAMS, Autoencoder, Classifier, reconstruction_loss
from exercise_code.ex08_autoencoder.pictures import (
    show_convolution,
    show_few_labels,
    show_frame,
    show_hourglass,
    show_intervals,
    show_threshold,
    show_transposed,
)
from exercise_code.ex08_autoencoder.shapes import conv_size, transposed_size
from exercise_code.ex08_autoencoder.transfer import freeze, parameter_groups

seed_everything(8)
device = get_device("auto")
print("training on:", device)

# %% [markdown]
# ## Pictures are cheap, labels are not
#
# A hospital has a million X-rays and a doctor who has time for a hundred. A camera in the forest takes ten thousand pictures
# a night. Somebody has to look at each one before a network can learn from it, or so it seems.
#
# Here is a small model of that. We have digits, ten of each kind with a label, and many more without.

# %%
train_digits = load_dataset("mnist", split="train")
val_digits = load_dataset("mnist", split="val")


def as_tensors(digits):
    images = torch.from_numpy(digits.images)[:, None].float() / 255
    return images, torch.from_numpy(digits.labels)


images, labels = as_tensors(train_digits)
known = labels != NO_LABEL
labelled, unlabelled = TensorDataset(images[known], labels[known]), images[~known]
val_data = TensorDataset(*as_tensors(val_digits))
print(f"{len(labelled)} pictures with a label, {len(unlabelled):,} without, {len(val_data)} for validation")

# %% [markdown]
# You should see 100 pictures with a label and 100 for validation. Drawn digits (`embedded`) come with 2,900 more, MNIST
# (`real`) with 59,800. **The grader uses drawn digits, unless your instructor has announced MNIST.**

# %%
few = torch.cat([images[:12], unlabelled[:12]])
titles = [str(label) for label in labels[:12].tolist()] + ["?"] * 12
show_images(few, titles, columns=12, size=0.8, alt="Twelve digits with their labels, and twelve without")

# %% [markdown]
# ## A network that learns from pictures alone
#
# What could a network learn from a picture without a label? To **draw it again**. That sounds useless: the picture is there
# already. The trick is a narrow place in the middle. The **encoder** turns 784 pixels into 32 numbers, the **code**. The
# **decoder** sees nothing but the code, and has to draw the picture from it. What the two pass through the narrow place must
# be what matters: which strokes there are, how thick, how slanted.

# %%
show_hourglass(
    [
        ("picture", (1, 28, 28)),
        ("encoder", (16, 14, 14)),
        ("", (32, 7, 7)),
        ("code", (32,)),
        ("decoder", (32, 7, 7)),
        ("", (16, 14, 14)),
        ("picture", (1, 28, 28)),
    ]
)

# %% [markdown]
# ### Smaller, by a convolution
#
# A **convolution** moves a small kernel over the picture. At each place it turns the pixels under it into one number. With
# **stride** 2 it moves two pixels at a time, so its output is half as wide. **Padding** adds zeros at the edges. One row
# of a picture, eight pixels wide:

# %%
show_convolution(size=8, kernel_size=3, stride=2, padding=1)

# %% [markdown]
# How often does a kernel of width $K$ fit, if it moves $S$ pixels each time? The row with its padding is $W + 2P$ wide. The
# first place is at the left edge, and $(W + 2P - K) / S$ more fit, rounded down:
#
# $$ W' = \left\lfloor \frac{W + 2P - K}{S} \right\rfloor + 1 $$
#
# By hand for the picture above: $\lfloor (8 + 2 - 3) / 2 \rfloor + 1 = 3 + 1 = 4$.
#
# A layer has several kernels, and each one gives a picture of its own, a **channel**: 16×14×14 in the hourglass means 16
# channels of 14×14 pixels. In the next layer a kernel looks at *all* channels of its input at once, and adds up what it finds
# in them. `nn.Conv2d(in_channels, out_channels, kernel_size, stride=1, padding=0)` is such a layer. For example,
# `nn.Conv2d(3, 8, 5, stride=3, padding=2)` has 8 kernels of 3×5×5 numbers each, and turns colour pictures, (B, 3, 32, 32),
# into (B, 8, 11, 11).
#
# ### Larger, by a transposed convolution
#
# The decoder needs the way back. A **transposed convolution** turns the arrows round: each number puts down a copy of the
# kernel, multiplied by it. The copies lie $S$ pixels apart, and where they overlap they add up. Padding now *cuts off*
# pixels at the edges.

# %%
show_transposed(size=4, kernel_size=4, stride=2, padding=1)

# %% [markdown]
# The last copy begins at $(W - 1)\,S$ and is $K$ wide, $P$ pixels are cut off on each side, and if you ask for it, $O$ more pixels
# stand on the right:
#
# $$ W' = (W - 1)\,S - 2P + K + O $$
#
# By hand: $(4 - 1) \cdot 2 - 2 + 4 + 0 = 8$.
#
# ## Task 1: sizes (5 points)
#
# ●○○ · about 10 minutes · [shapes.py](../../exercise_code/ex08_autoencoder/shapes.py)
#
# Write `conv_size` and `transposed_size`, the two formulas.
#
# - **in:** ints: the width of the input, the kernel's width, stride, padding (and `output_padding`)
# - **out:** an int, the width of the output

# %% role="checks" grade_id="shapes_sizes" points=5
check("shapes_sizes")

# %%
size = 28
for _ in range(2):
    smaller = conv_size(size, kernel_size=3, stride=2, padding=1)
    larger = transposed_size(smaller, kernel_size=4, stride=2, padding=1)
    print(f"a convolution turns {size} pixels into {smaller}, a transposed one turns {smaller} into {larger}")
    size = smaller

# %% [markdown]
# You should see 28 become 14 and 14 become 28, then the same with 14 and 7. These are the sizes for your encoder and decoder.
#
# ## Task 2: the encoder (7 points)
#
# ●●○ · about 20 minutes · [model.py](../../exercise_code/ex08_autoencoder/model.py)
#
# Write `Encoder`. `hparams` is a dict such as `HPARAMS` at the top of the file; change its entries as you like, but keep
# `"latent_size"`, the length of a code.
#
# - **in:** `images`, float32 (B, 1, 28, 28), from 0 to 1
# - **out:** codes, float32 (B, `hparams["latent_size"]`)
#
# New here is `nn.BatchNorm2d(num_channels)`, batch normalisation of pictures. It shifts and scales each channel so that its mean
# is 0 and its standard deviation 1, over all pixels of the batch; in eval mode it does so with averages from the training.
#
# <details><summary>Hint 1: where to look</summary>
#
# The hourglass above has the shapes. The docstring of `__init__` names the layers.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# A block is a convolution with stride 2, batch normalisation and ReLU; a second convolution with stride 1 makes it better.
# Two blocks, then flatten, then one linear layer.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# Collect layers in a list, `layers += [nn.Conv2d(...), nn.BatchNorm2d(...), nn.ReLU()]`, and keep `nn.Sequential(*layers)` as
# an attribute. `nn.Flatten()` turns (B, 32, 7, 7) into (B, 32 · 7 · 7).
#
# </details>

# %% role="checks" grade_id="encoder" points=7
check("encoder")

# %% [markdown]
# ## Task 3: the decoder (7 points)
#
# ●●○ · about 15 minutes · [model.py](../../exercise_code/ex08_autoencoder/model.py)
#
# Write `Decoder`. Pixels lie between 0 and 1, so there is a sigmoid at the end.
#
# - **in:** `codes`, float32 (B, `hparams["latent_size"]`), any numbers
# - **out:** pictures, float32 (B, 1, 28, 28), from 0 to 1
#
# <details><summary>Hint 1: where to look</summary>
#
# The right half of the hourglass, and the drawing of the transposed convolution: its kernel, stride and padding double a width.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Linear, ReLU, and a reshape to (B, 32, 7, 7). Then two transposed convolutions, with ReLU between them and a sigmoid behind.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `nn.Unflatten(1, (32, 7, 7))` is a layer that reshapes. `nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1)`
# doubles height and width.
#
# </details>

# %% role="checks" grade_id="decoder" points=7
check("decoder")

# %% [markdown]
# ## Task 4: the autoencoder and its loss (6 points)
#
# ●○○ · about 10 minutes · [model.py](../../exercise_code/ex08_autoencoder/model.py)
#
# Write `Autoencoder`, the two one after the other, and `reconstruction_loss`, the mean squared difference over all pixels
# of all pictures:
#
# $$ L = \frac{1}{784\,B} \sum_{i=1}^{B} \sum_{j=1}^{784} \left( \hat{x}_{ij} - x_{ij} \right)^2 $$
#
# By hand for a picture of four pixels, $x = (0, 1, 1, 0)$ drawn as $\hat{x} = (0.1, 0.8, 1, 0)$:
# $(0.01 + 0.04 + 0 + 0) / 4 = 0.0125$.
#
# - **in:** `images`, float32 (B, 1, 28, 28); for the loss `outputs` and `images`
# - **out:** pictures of the same shape; for the loss a tensor with a single number

# %% role="checks" grade_id="autoencoder" points=6
check("autoencoder")

# %% [markdown]
# ### Training without labels
#
# The targets are the pictures themselves. Your `train_step` of exercise 7 takes any loss, and `partial` fills in ours. All
# pictures take part, with or without a label.

# %%
seed_everything(8)
autoencoder = Autoencoder(HPARAMS).to(device)
val_images = val_data.tensors[0]
history = train(
    autoencoder,
    TensorDataset(images, images),
    TensorDataset(val_images, val_images),
    loss=reconstruction_loss,
    step=partial(train_step, loss=reconstruction_loss),
    optimizer=torch.optim.AdamW(autoencoder.parameters(), lr=3e-3),
    num_epochs=10 if len(images) < 10_000 else 1,
    batch_size=64,
    schedule=cosine,
    seed=8,
)
print(f"mean squared difference on validation pictures: {history.val_loss[-1]:.4f}")

# %% [markdown]
# **Expect** below 0.015 on drawn digits in a few seconds. A decoder that ignores its input learns to draw the mean of all
# pictures, and gets about 0.051. If yours stays near that, does `forward` look at its input? Now its drawings, below the
# pictures that it saw only as 32 numbers:

# %%
shown = val_images[:10]
redrawn = torch.from_numpy(predict(autoencoder, shown))
show_images(torch.cat([shown, redrawn]), columns=10, size=0.9, alt="Ten digits, and below them what the decoder drew")

# %% [markdown]
# The digits are all there, a little soft at the edges. (Why soft? [Part 2](2_latent_space.ipynb) shows it.) 784 numbers fit
# into 32, since most pictures of 784 pixels are no digits at all.
#
# > **Think.** Could a network with a code of 784 numbers learn anything useful in this way?
#
# <details><summary>Open this when you have an answer.</summary>
#
# Hardly. It could copy each pixel, without knowing anything of strokes, and its loss would be zero. The narrow place makes it
# choose. (Another way to force it: show it a picture with noise, and ask for the clean one.)
#
# </details>
#
# ## From codes to digits
#
# The encoder knows strokes. A classifier for digits needs strokes. So we take the encoder, put a small **head** on it, from
# codes to ten logits, and train with our hundred labels: **transfer learning**. What the encoder learned before, without
# labels, is its **pretraining**.
#
# A detail that is easy to miss: two names for one object. If the classifier keeps *the same* encoder, then training it changes
# the autoencoder too, and the next experiment starts from a spoiled one.

# %%
first = nn.Linear(2, 1)
second, third = first, nn.Linear(2, 1)
third.load_state_dict(first.state_dict())
with torch.no_grad():
    first.weight.fill_(7.0)
print("the same object:", second.weight.tolist(), " a copy:", third.weight.tolist())

# %% [markdown]
# ## Task 5: the classifier (7 points)
#
# ●●○ · about 15 minutes · [model.py](../../exercise_code/ex08_autoencoder/model.py)
#
# Write `Classifier`. It always makes an `Encoder` of its own. If it gets one, it copies what that one has learned.
#
# - **in:** `hparams`; `encoder`, an `Encoder` of the same `hparams`, or None. `forward` takes `images`, float32 (B, 1, 28, 28)
# - **out:** logits, float32 (B, 10)
#
# <details><summary>Hint 1: where to look</summary>
#
# The cell above shows how to copy what a module has learned.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Encode, then the head. A ReLU and some dropout in front of its linear layer help.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# Make `self.encoder` first. Then, if there is one to copy from, load its `state_dict()` into your own.
#
# </details>

# %% role="checks" grade_id="classifier" points=7
check("classifier")

# %% [markdown]
# ### How much of it may learn?
#
# With an encoder that knows something already there are three choices.
#
# - **Freeze** it: only the head learns. A hundred labels cannot spoil the encoder's weights, and cannot improve them either.
#   (Its batch normalisation still takes over the mean and spread of new batches, since these are no parameters. Exercise 10
#   shows how to stop that, too.)
# - Let it learn **slowly**: the encoder has a smaller learning rate than the head.
# - Let **everything** learn at one rate.
#
# A parameter learns if a gradient is computed for it: `requires_grad`. And an optimizer takes **groups** of parameters, each
# with its own rate. A small example:

# %%
small = nn.ModuleDict({"encoder": nn.Linear(2, 2), "head": nn.Linear(2, 1)})
optimizer = torch.optim.SGD(
    [
        {"params": list(small["encoder"].parameters()), "lr": 0.001},
        {"params": list(small["head"].parameters()), "lr": 0.1},
    ]
)
print("rates:", [group["lr"] for group in optimizer.param_groups])
print("names:", [name for name, _ in small.named_parameters()])

# %% [markdown]
# ## Task 6: frozen and slow (6 points)
#
# ●●○ · about 15 minutes · [transfer.py](../../exercise_code/ex08_autoencoder/transfer.py)
#
# Write `freeze` and `parameter_groups`.
#
# - **in:** `freeze`: a module; `parameter_groups`: a model with an attribute `encoder`, and two learning rates
# - **out:** `freeze`: nothing; `parameter_groups`: a list of one or two dicts with "params" and "lr"
#
# <details><summary>Hint 1: where to look</summary>
#
# The names that the cell above prints tell you which parameters belong to the encoder.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Go through `model.named_parameters()` once and sort them into two lists. Frozen ones go into neither.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `name.startswith("encoder.")`, with the dot: there might be an `encoder2`. At the end keep only those groups whose list
# `group["params"]` is not empty.
#
# </details>

# %% role="checks" grade_id="transfer" points=6
check("transfer")

# %% [markdown]
# ### Does it help?
#
# Four short runs, each with the same hundred labels and the same seed. The first one starts from scratch.

# %%
SEED = 8


def new_classifier(encoder=None):
    """A classifier whose weights, apart from those of a given encoder, depend on SEED alone."""
    seed_everything(SEED)
    return Classifier(HPARAMS, encoder).to(device)


def train_classifier(model, num_steps, encoder_lr=3e-3, augment=None):
    """The model, trained on the labelled pictures."""
    return train(
        model,
        labelled,
        loss=nn.functional.cross_entropy,
        step=train_step,
        optimizer=torch.optim.AdamW(parameter_groups(model, lr=3e-3, encoder_lr=encoder_lr)),
        num_epochs=num_steps // 2,
        batch_size=50,
        schedule=cosine,
        augment=augment,
        seed=SEED,
        progress=False,
    )


def accuracy(model):
    return evaluate_model(model, val_data, metric="accuracy")


scratch = new_classifier()
train_classifier(scratch, 300)
print(f"from scratch:             {accuracy(scratch):.2f}")

frozen = new_classifier(autoencoder.encoder)
freeze(frozen.encoder)
train_classifier(frozen, 300)
print(f"frozen encoder:           {accuracy(frozen):.2f}")

slow = new_classifier(autoencoder.encoder)
train_classifier(slow, 300, encoder_lr=3e-4)
print(f"encoder learns slowly:    {accuracy(slow):.2f}")

pretrained = new_classifier(autoencoder.encoder)
train_classifier(pretrained, 300)
print(f"everything learns:        {accuracy(pretrained):.2f}")

# %% [markdown]
# Four numbers between 0.6 and 0.85, in an order that may surprise you. Run the cell again with another `SEED`, and the order
# may be another one. So what do these numbers tell?
#
# ## How sure is a number?
#
# The validation set has 100 pictures. A model that is right 80 times of 100 *in general* is right 76 times on one hundred
# pictures, and 83 times on another. If it is right with probability $p$ on each of $n$ pictures, then in 95 of 100 cases the
# measured accuracy lies within
#
# $$ p \pm 1.96 \sqrt{\frac{p\,(1 - p)}{n}} $$
#
# By hand for $p = 0.8$ and $n = 100$: $\sqrt{0.16 / 100} = 0.04$, so $0.8 \pm 0.08$.

# %%
show_intervals(accuracy=0.8, counts=[100, 1_000, 10_000])

# %% [markdown]
# With 100 pictures, 0.75 and 0.80 cannot be told apart. And there is more luck: *which* hundred pictures have a label, and
# where the weights start. So we ran each way to train several times, each time with other labels, and measured it on
# 10,000 pictures. You find that table near the end. From now on, take a number of one run on 100 pictures for what it is.
#
# ## One picture, many pictures
#
# A digit that is a little larger, slanted or further left is the same digit. A network from scratch does not know that. It can
# be told: change each picture anew every time it is seen. A hundred pictures become as many as you like: **augmentation**.
#
# Turn, resize, slant and move: together they are an **affine map**. It is easiest to compute backwards. For each new pixel
# at $p = (x, y)$ we ask where in the old picture it comes from. Coordinates count from the middle, in halves of the width, so
# corners are at $\pm 1$. First undo the move by $d$, then the rest:
#
# $$ A\,(p - d) \qquad\text{with}\qquad A = \frac{1}{s} \begin{pmatrix} \cos\alpha & -\sin\alpha \\ \sin\alpha & \cos\alpha
# \end{pmatrix} \begin{pmatrix} 1 & k \\ 0 & 1 \end{pmatrix} $$
#
# By hand: no turn ($\alpha = 0$), no slant ($k = 0$), twice as large ($s = 2$), moved by $d = (0.5, 0)$. Then $A$ has 0.5 in
# both corners of its diagonal, and the new pixel in the middle, $p = (0, 0)$, comes from $A\,(-0.5, 0) = (-0.25, 0)$.
#
# PyTorch wants $A$ and $-A\,d$ side by side, (2, 3) for each picture.
#
# ## Task 7: affine matrices (6 points)
#
# ●●○ · about 20 minutes · [augmentation.py](../../exercise_code/ex08_autoencoder/augmentation.py)
#
# Write `affine_matrices`, for all pictures of a batch at once.
#
# - **in:** `angles` α (in radians), `scales` s, `shears` k, each float32 (B,); `shifts` d, float32 (B, 2)
# - **out:** $(A \mid -A\,d)$, float32 (B, 2, 3)
#
# <details><summary>Hint 1: where to look</summary>
#
# Multiply the two matrices on paper first: A has four entries of sines, cosines and k.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Stack entries to rows, rows to matrices, divide by the scales, and put the last column beside them.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# The upper row is cos α and k cos α − sin α. `scales[:, None, None]` has the shape (B, 1, 1), `shifts[:, :, None]` (B, 2, 1), and
# `torch.cat([linear, column], dim=2)` is (B, 2, 3).
#
# </details>

# %% role="checks" grade_id="augment_matrices" points=6
check("augment_matrices")

# %% [markdown]
# Now let us see it. The orange frame shows where the new picture's pixels come from, the dot is its upper left corner. Change
# the four numbers, one at a time.

# %%
matrix = affine_matrices(
    angles=torch.tensor([0.3]),
    scales=torch.tensor([1.2]),
    shears=torch.tensor([0.2]),
    shifts=torch.tensor([[0.2, 0.0]]),
)
grid = nn.functional.affine_grid(matrix, [1, 1, 28, 28], align_corners=False)
changed = nn.functional.grid_sample(images[4:5], grid, align_corners=False)
show_frame(images[4], changed[0], matrix[0])

# %% [markdown]
# The frame is smaller than the picture, so the digit becomes larger. It turns one way, so the digit turns the other way. Outside
# the old picture everything is black.
#
# ## Task 8: augmented digits (6 points)
#
# ●●○ · about 15 minutes · [augmentation.py](../../exercise_code/ex08_autoencoder/augmentation.py)
#
# Write `augment_digits`: for each picture five draws of its own, then `affine_matrices`, then the two functions of the cell
# above. All chance comes from `generator`, so that a run can be repeated.
#
# - **in:** `images`, float32 (B, 1, H, W); `generator`; four limits
# - **out:** new pictures of the same shape
#
# <details><summary>Hint 1: where to look</summary>
#
# The cell above fetches pixels. `torch.rand(n, generator=generator)` draws n numbers between 0 and 1.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Draw numbers between −1 and 1, (5, B). Each row times its limit; scales lie around 1; angles have to become radians. The
# generator lives on the CPU, pictures may not: `matrices.to(images)`.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# Twice `torch.rand(5, n, generator=generator)`, minus 1, unpacks into five rows. The two shifts are stacked along axis 1. The
# size for `affine_grid` is `list(images.shape)`.
#
# </details>

# %% role="checks" grade_id="augment_digits" points=6
check("augment_digits")

# %% [markdown]
# One picture, twelve times:

# %%
generator = torch.Generator().manual_seed(8)
many = augment_digits(images[4:5].repeat(12, 1, 1, 1), generator)
show_images(many, columns=12, size=0.8, alt="One digit in twelve variants: turned, resized, slanted and moved")


# %%
def augment(images, labels, generator):
    return augment_digits(images, generator), labels


augmented = new_classifier()
train_classifier(augmented, 600, augment=augment)
print(f"from scratch, augmented:  {accuracy(augmented):.2f}")

# %% [markdown]
# **Expect** 0.92 to 0.99 on drawn digits, 0.90 to 0.98 on MNIST. If it is near 0.8, look at the twelve variants: can *you* still
# read them, and do they differ at all?
#
# > **Think.** Would mirrored digits help as well?
#
# <details><summary>Open this when you have an answer.</summary>
#
# No. A mirrored 2 is no digit, and a mirrored 6 in another slant may look like another one. Augmentation tells a network what
# does *not* matter; a false statement does harm.
#
# </details>
#
# ## Labels that are not there
#
# There are still all those pictures without a label. If a batch holds both kinds, the loss must look at labelled ones only. By
# hand: five pictures, two of them labelled, with cross-entropies 0.2 and 0.6. The loss is $(0.2 + 0.6) / 2 = 0.4$, and not
# divided by 5. And if by chance no picture in the batch has a label, it is 0, and not 0 divided by 0.
#
# ## Task 9: a loss for labelled pictures (5 points)
#
# ●○○ · about 10 minutes · [labels.py](../../exercise_code/ex08_autoencoder/labels.py)
#
# Write `labelled_loss`.
#
# - **in:** `logits`, float32 (B, 10); `labels`, int64 (B,), −1 where there is none
# - **out:** the mean cross-entropy of the labelled ones, a tensor with a single number
#
# <details><summary>Hint 1: where to look</summary>
#
# The documentation of
# [cross_entropy](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html): what do its options
# `ignore_index` and `reduction` do?
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# The sum over the labelled pictures, divided by how many there are. Where there are none, divide by 1: the sum is 0 by then.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `reduction="sum"` gives the sum, `(labels != NO_LABEL).sum()` counts, and `count.clamp(min=1)` is at least 1.
#
# </details>

# %% role="checks" grade_id="labels_loss" points=5
check("labels_loss")

# %% [markdown]
# ### Pseudo-labels
#
# The augmented model is right most of the time. Why not let *it* label the rest? Where it is wrong, it would learn its own
# mistakes. But it says how sure it is: the largest probability of its softmax. Take only the pictures that it is sure of. Over
# the threshold: how many does it choose, and how many of those are right? (On validation pictures, where we know.)

# %%
probabilities = torch.from_numpy(predict(augmented, val_images)).softmax(dim=1)
confidence, guesses = probabilities.max(dim=1)
show_threshold(confidence, guesses == val_data.tensors[1])

# %% [markdown]
# The higher the threshold, the fewer are chosen, and the more of them are right.
#
# ## Task 10: pseudo-labels (5 points)
#
# ●○○ · about 10 minutes · [labels.py](../../exercise_code/ex08_autoencoder/labels.py)
#
# Write `pseudo_labels`.
#
# - **in:** `logits`, float32 (B, 10); `threshold`, from 0 to 1
# - **out:** indices of the chosen pictures and their labels, both int64 (K,)

# %% role="checks" grade_id="labels_pseudo" points=5
check("labels_pseudo")

# %%
chosen, guessed = pseudo_labels(torch.from_numpy(predict(augmented, unlabelled)), threshold=0.95)
print(f"{len(chosen):,} of {len(unlabelled):,} pictures get a label")
if len(chosen) > 0:
    show_images(unlabelled[chosen[:12]], [str(label) for label in guessed[:12].tolist()], columns=12, size=0.8)
else:
    print("The model is sure of none: train it longer. Or does your classifier end in a softmax?")

# %% [markdown]
# **Expect** nine of ten. Look at the twelve: is one of them wrong? (If there are none: a softmax at the end of a classifier is
# followed by the one in `pseudo_labels`, and after two of them no digit has a large probability.)
#
# With these pictures one can train again, label again, and so on, in rounds. There is a way to do it all in one run.
#
# ### Two views of a picture
#
# Take a picture without a label, and change it twice: hardly (the **weak** view) and a lot (the **strong** view). If the model
# is sure of the weak view, then this is what it should say of the strong one. So the easy view teaches the hard one, batch by
# batch, and as the model gets better it is sure of more.
#
# The teacher must not learn. Otherwise there would be a cheap way to agree: the weak view becomes as unsure as the strong one.
# `detach()` has the same numbers, and no way back for a gradient:

# %%
number = torch.tensor([3.0], requires_grad=True)
(2 * number + 5 * number.detach()).sum().backward()
print("gradient:", number.grad.tolist(), "and not 7")

# %% [markdown]
# ## Task 11: consistency (6 points)
#
# ●●○ · about 15 minutes · [labels.py](../../exercise_code/ex08_autoencoder/labels.py)
#
# Write `consistency_loss`. By hand: four pictures; the model is sure of two weak views. The cross-entropies of their strong
# views with the labels of the weak ones are 0.5 and 1.1. The loss is $(0.5 + 0 + 1.1 + 0) / 4 = 0.4$: at first, while it is
# sure of few, this part of the loss is small.
#
# - **in:** `weak_logits` and `strong_logits`, float32 (B, 10), row by row of the same picture; `threshold`
# - **out:** a tensor with a single number, whose gradient reaches the strong logits only
#
# (Strictly, the digit with the largest probability has no slope, and no more has a comparison with a threshold. So no gradient would
# reach the teacher anyway. `detach()` says so to whoever reads your code, and saves the computation.)
#
# <details><summary>Hint 1: where to look</summary>
#
# How does your `pseudo_labels` get from logits to confidence and labels?
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Confidence and labels from the weak logits, detached. The cross-entropy of each strong row with these labels, times 0 or 1.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# With `reduction="none"` the cross-entropy has a number for each row, (B,). `(confidence >= threshold)` can be multiplied with
# it, and `.mean()` divides by all B.
#
# </details>

# %% role="checks" grade_id="labels_consistency" points=6
check("labels_consistency")

# %% [markdown]
# ## Everything together
#
# Each batch gets pictures without a label in two views, behind the labelled ones. Here is one with three of them:

# %%
THRESHOLD = 0.9
NUM_UNLABELLED = 100


def add_views(images, labels, generator, count=NUM_UNLABELLED):
    """The batch, augmented, then weak views of some unlabelled pictures, then strong views of the same."""
    places = torch.randint(len(unlabelled), (count,), generator=generator)
    chosen = unlabelled[places].to(images)
    weak = augment_digits(chosen, generator, max_degrees=5, max_scale=0.05, max_shear=0.05, max_shift=0.05)
    strong = augment_digits(chosen, generator, max_degrees=25, max_scale=0.2, max_shear=0.3, max_shift=0.2)
    missing = torch.full((2 * count,), NO_LABEL, device=labels.device)
    return torch.cat([augment_digits(images, generator), weak, strong]), torch.cat([labels, missing])


def loss_of_all(logits, labels):
    weak, strong = logits[labels == NO_LABEL].chunk(2)
    return labelled_loss(logits, labels) + consistency_loss(weak, strong, THRESHOLD)


mixed, mixed_labels = add_views(images[:3], labels[:3], torch.Generator().manual_seed(8), count=3)
titles = [*map(str, labels[:3].tolist()), "weak", "weak", "weak", "strong", "strong", "strong"]
show_images(mixed, titles, columns=9, size=0.9)

# %% [markdown]
# `train` calls `add_views` for each batch, and your `train_step` takes `loss_of_all`. The rest is as before. With `keep="last"` the
# model has its last parameters in the end. The best epoch on a hundred pictures would mostly be a lucky one.

# %%
NUM_EPOCHS = 300
LEARNING_RATE = 3e-3
MAX_SECONDS = 180

# %%
seed_everything(8)
model = Classifier(HPARAMS).to(device)

history = train(
    model,
    labelled,
    val_data,
    loss=labelled_loss,
    step=partial(train_step, loss=loss_of_all),
    optimizer=torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=1e-2),
    metric="accuracy",
    num_epochs=NUM_EPOCHS,
    batch_size=50,
    schedule=cosine,
    augment=add_views,
    keep="last",
    max_seconds=MAX_SECONDS,
    seed=8,
)
print(f"{len(history.train_loss)} of {NUM_EPOCHS} epochs in {history.seconds:.0f} s; why it stopped: {history.stopped}")
print(f"accuracy on the validation set: {accuracy(model):.2f}")

# %% [markdown]
# **Expect** 0.94 to 1.00 on drawn digits. If not:
#
# - It stopped because the seconds were over: raise `MAX_SECONDS`.
# - It is near 0.1 or falls: does your `augment_digits` keep the order of the pictures? Are the weak and the strong logits
#   swapped in your `consistency_loss`?
# - It is near 0.8: is the batch augmented at all?
# - It is near 0.95 and you want more: more epochs, more channels, more unlabelled pictures in a batch, another threshold; a
#   classifier that starts from the autoencoder; rounds of pseudo-labels.
#
# On MNIST, twice as many channels and three times as many epochs were worth it.
#
# Which ones does it miss?

# %%
guesses = torch.from_numpy(predict(model, val_images)).argmax(dim=1)
truth = val_data.tensors[1]
missed = (guesses != truth).nonzero()[:, 0][:12]
if len(missed):
    titles = [f"{guesses[i]}, is {truth[i]}" for i in missed.tolist()]
    show_images(val_images[missed], titles, columns=12, size=0.9)
else:
    print("none of the hundred")

# %% [markdown]
# ## What helps?
#
# Now the table. Each way to train, with the sizes and the steps of this notebook, over several draws of a hundred labels. The
# accuracy is that on 10,000 digits that took part in nothing. ± gives the 95 % interval of the mean. The last row is
# the course's own recipe: rounds of pseudo-labels, with a larger network on MNIST. All of this was measured by the course, on
# three draws, so the intervals are wide.

# %%
show_few_labels()

# %% [markdown]
# What it says of drawn digits, row by row:
#
# - **Frozen, the encoder does not help.** It is no better than a network from scratch: what counts for drawing a digit is not what
#   counts for naming it.
# - **As a start, it does help**, by about eight points, if nothing else is done. It was ahead in each of three draws.
# - **Augmentation helps most**, by nearly thirty points, for one function of ten lines. On top of it, the autoencoder brings
#   nothing more: 0.963 against 0.973, rather less than more.
# - **Pictures without labels help if the model teaches itself.** With two views, most of the remaining errors are gone.
#
# On MNIST the order is nearly the same. A frozen encoder is worse than none, one that learns on helps by two points, which may be
# chance, augmentation by seventeen. Two views and pseudo-labels come next: 0.97 and 0.98 from a hundred labels.
#
# So the autoencoder, which gives this exercise its name, is not what you should hand in. On one run and a hundred pictures, who
# could have told? Mind what the table does not say: our digits are drawn by a program that turns, slants and moves them, so
# augmentation suits them better than anything. Handwriting varies in more ways, and where a picture has no such simple
# changes (sound, text, molecules), learning from data without labels is what works best of all.
#
# ## Save the model
#
# With `keep_best`, a model that is saved already is replaced only by one that scores better on these pictures.

# %%
path = save_model(model, "digits", HPARAMS, data_source=train_digits.source, keep_best=val_data)

# %% [markdown]
# The grader builds a `Classifier` from the saved hyperparameters and fills in the saved weights. So does this cell. When you
# change `model.py`, train and save again.

# %%
saved = load_model("digits", Classifier)
print(f"{count_parameters(saved):,} parameters; accuracy of the saved model: {accuracy(saved):.2f}")

# %% [markdown]
# ## Task 12: a trained model (24 points)
#
# ●●● · about 30 minutes · in this notebook
#
# Hand in the best model that you can get from a hundred labels. The points come in steps:
#
# | step | accuracy on drawn digits | on MNIST | points |
# |---|---|---|---|
# | beats training from scratch | 0.85 | 0.9 | 6 |
# | half way | 0.9 | 0.93 | 12 |
# | passes | 0.94 | 0.95 | 24 |
#
# - **in:** what `save_model` wrote: at most 5 million parameters, 20 MB, and 120 seconds of computing time for all pictures
# - **out:** the accuracy, compared after rounding to three decimals
#
# This check uses the hundred validation pictures, so its number may be off by 0.04. The points come from a thousand drawn
# digits that nobody has seen, or from MNIST's 10,000 test pictures. With 0.98 there is a star beside your alias on the
# leaderboard, the ranking of the class.
#
# <details><summary>Hint 1: where to look</summary>
#
# The table: which way to train brought most?
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Augmentation alone is enough to pass on drawn digits. Views of unlabelled pictures give you room.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# The run above, with `NUM_EPOCHS = 600`, or `"channels": [32, 64]` in `HPARAMS`.
#
# </details>

# %% role="checks" grade_id="digits_score" points=24
check("digits_score")

# %% [markdown] role="written" grade_id="written_interval" points=5
# ## Task 13: what does 0.83 mean? (5 points)
#
# ●●○ · about 10 minutes · answer in this cell
#
# Three to five sentences for each question are enough.
#
# A classmate trains a classifier from scratch (79 of 100 validation pictures right) and one that starts from an autoencoder
# (83 of 100). She writes: "Pretraining helps; it gains four percentage points."
#
# 1. Compute the 95 % interval of one of the two numbers. What may she conclude, and what not?
# 2. Name two sources of luck besides the choice of the validation pictures, and say how you would find out whether pretraining
#    helps.
#
# ### BEGIN SOLUTION
# 1. For 0.83 and n = 100: 1.96 · sqrt(0.83 · 0.17 / 100) = 0.074, so 0.76 to 0.90; for 0.79 it is 0.71 to 0.87. The intervals
# overlap widely. She may conclude that both are somewhere near 0.8; the difference may be luck, so she may not conclude that
# pretraining helps (nor that it does not).
#
# 2. The draw of the hundred labelled pictures, and the seed: initial weights, order of batches, augmentation, dropout. Train both
# ways several times, with other labels and seeds, each time the same ones for both ways; measure on many pictures (thousands); and
# compare the means with their intervals, or the differences draw by draw.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 1 point: an interval of about ± 0.07 to 0.08 by the formula.
# - 1 point: the intervals overlap, so the difference may be luck; nothing follows in either direction.
# - 1 point: two sources of luck of: which pictures have labels, initial weights, order or augmentation (one: half a point).
# - 2 points: repeated with several draws or seeds (1) and measured on many more pictures (1).
# - "Pretraining helps because 83 is more than 79": no point for 1.
# ### END MARKING GUIDE

# %% [markdown] role="written" grade_id="written_teacher" points=5
# ## Task 14: learning from one's own answers (5 points)
#
# ●●○ · about 10 minutes · answer in this cell
#
# Three to five sentences for each question are enough.
#
# 1. A model labels pictures and learns from these labels. It gets no new facts about any digit. Why can it become better all the
#    same? What would happen if the weak and the strong view were the same picture, and the threshold 0?
# 2. Early in training the model takes most 7s for 1s, and is sure of it. What happens in the following rounds, and what could one
#    do about it?
#
# ### BEGIN SOLUTION
# 1. New is that the changed picture has the same label: the model learns that turning, moving and slanting do not matter, for many
# more pictures than the hundred, and it sees how digits look in general. Sure answers are mostly right, and they carry over to
# strong views that it gets wrong so far. With the same picture for both views and a threshold of 0 it would only be told
# what it says anyway: it becomes surer of everything, of its mistakes as well, and no more right.
#
# 2. The mistake confirms itself: 7s are labelled 1, are learned as 1, and the next round is even surer. Remedies: a higher
# threshold, more weight on true labels, starting the pseudo-labels later (after a good supervised start), equally many
# pseudo-labels for each digit, an average of several models or views as teacher.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 2 points: the changed view is the news (invariance carries over to unlabelled pictures) (1); sure answers are mostly right (1).
# - 1 point: if both views are the same picture and the threshold is 0, the model only becomes surer.
# - 1 point: the mistake confirms itself.
# - 1 point: one remedy that fits.
# ### END MARKING GUIDE

# %% [markdown]
# ## What you learned
#
# - An autoencoder learns from pictures alone, because its code is narrow.
# - How large the outputs of convolutions and transposed convolutions are.
# - A learned encoder can be copied, frozen, or let learn slowly.
# - Augmentation tells a network what does not matter. Where labels are few, that is worth more than anything else here.
# - A model's own sure answers are labels, too, if what it learns from is harder than what it answered.
# - A number without its interval says little.
#
# ## Hand in
#
# Fill in your answers above, save the notebook, and run this cell. It packs the notebook, your modules and your model into a zip,
# and tries it out the way the grader will.

# %%
submit("ex08_autoencoder")

# %% [markdown]
# ## Read on
#
# - [ConvTranspose2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html) in PyTorch's documentation.
# - [FixMatch](https://arxiv.org/abs/2001.07685), Sohn and others, 2020: weak and strong views, a threshold, and little else.
# - [Reducing the Dimensionality of Data with Neural Networks](https://www.cs.toronto.edu/~hinton/absps/science.pdf), Hinton and
#   Salakhutdinov, 2006: autoencoders.
