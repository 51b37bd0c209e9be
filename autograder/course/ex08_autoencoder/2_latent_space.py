# %% [markdown]
# # Exercise 8, part 2 (optional): what lives in the code
#
# **What you will build:** walks from one digit to another, a map of all digits, and the one number that lets a transposed
# convolution undo the shape of any convolution.
#
# **To pass:** nothing; there are no points here. The cells below your code show at once what is right.
#
# **Time:** about 45 minutes.
#
# **What you need:** Tasks 1 to 4 of [part 1](1_autoencoder.ipynb).
#
# **Where you write code:** this time in the cells of this notebook.
#
# | task | what you write | difficulty |
# |---|---|---|
# | 15 | `walk` | ●●○ |
# | 16 | `missing_pixels` | ●●○ |

# %%
# %load_ext autoreload
# %autoreload 3
# %matplotlib inline

from functools import partial

import torch
from torch import nn
from torch.utils.data import TensorDataset

from exercise_code import load_dataset, seed_everything
from exercise_code.common.evaluation import predict
from exercise_code.common.plotting import show_images
from exercise_code.common.training import cosine, train
from exercise_code.ex07_pytorch.training import train_step
from exercise_code.ex08_autoencoder.model import HPARAMS, Autoencoder, reconstruction_loss
from exercise_code.ex08_autoencoder.pictures import show_convolution, show_map, show_sizes, show_transposed
from exercise_code.ex08_autoencoder.shapes import conv_size, transposed_size

digits = load_dataset("mnist", split="train")
images, labels = torch.from_numpy(digits.images[:3000])[:, None].float() / 255, torch.from_numpy(digits.labels[:3000])
held_out = torch.from_numpy(load_dataset("mnist", split="val").images)[:, None].float() / 255


def trained(latent_size, num_epochs=8):
    """An autoencoder with codes of this length, trained on 3,000 pictures, and its loss on validation pictures."""
    seed_everything(8)
    model = Autoencoder({**HPARAMS, "latent_size": latent_size})
    history = train(
        model,
        TensorDataset(images, images),
        TensorDataset(held_out, held_out),
        loss=reconstruction_loss,
        step=partial(train_step, loss=reconstruction_loss),
        optimizer=torch.optim.AdamW(model.parameters(), lr=3e-3),
        num_epochs=num_epochs,
        batch_size=64,
        schedule=cosine,
        seed=8,
        progress=False,
    )
    return model.eval(), history.val_loss[-1]


# %% [markdown]
# ## How many numbers does a digit need?
#
# The narrower the code, the less passes through. We train six autoencoders that differ in the length of their codes alone.

# %%
sizes = [2, 4, 8, 16, 32, 64]
models, losses = {}, {}
for size in sizes:
    models[size], losses[size] = trained(size)
show_sizes({str(size): losses[size] for size in sizes}, "numbers in a code", "mean squared difference")

# %%
rows = [held_out[:8], *(torch.from_numpy(predict(models[size], held_out[:8])) for size in (2, 8, 32))]
show_images(
    torch.cat(rows), columns=8, size=0.9, alt="Eight digits, and below them what codes of 2, 8 and 32 numbers keep"
)

# %% [markdown]
# From top to bottom: the pictures, then what 2, 8 and 32 numbers keep of them. Two numbers say little more than how wide and how
# bright a digit is, and the decoder draws a smudge of all digits that share them. With eight you can read most of them, with 32
# all. The curve falls all the way, but the last doubling wins least.
#
# ### A map
#
# Codes of two numbers can be drawn. Each point is a picture; where a label is known, it stands there.

# %%
with torch.no_grad():
    show_map(models[2].encoder(images[:1500]), labels[:1500])

# %% [markdown]
# Nobody told the network what a 1 is, and yet most 1s lie together, towards one side; yours may look different. They have the
# fewest bright pixels, and that is what counts most when a picture has to be drawn again. Most other digits share one crowded
# region. A classifier on this map has an easy task for some digits and a hopeless one for others. **What is good for drawing
# need not be good for naming**: remember the frozen encoder of part 1.
#
# ## A walk from one digit to another
#
# Half way between two pictures, pixel by pixel, lie two pale pictures at once. Half way between two *codes* the decoder draws
# one picture. On a straight line from code $a$ to code $b$, step $t$ from 0 to 1 is
#
# $$ (1 - t)\,a + t\,b $$
#
# By hand for $a = (0, 2)$, $b = (4, 0)$ and $t = 0.25$: $0.75 \cdot (0, 2) + 0.25 \cdot (4, 0) = (1, 1.5)$.
#
# ## Task 15: a walk (not graded)
#
# ●●○ · about 10 minutes · in the cell below
#
# - **in:** `start` and `end`, tensors of any same shape; `num_steps`, at least 2
# - **out:** a tensor with one more axis in front, of length `num_steps`: from `start` (included) to `end` (included)
#
# <details><summary>Hint 1: where to look</summary>
#
# `torch.linspace(0, 1, 5)` has five numbers from 0 to 1.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Compute the formula for each t, and stack the results.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `torch.stack([... for t in torch.linspace(0, 1, num_steps)])`.
#
# </details>


# %% role="solution" grade_id="extra_walk"
def walk(start, end, num_steps):
    """Points on the straight line from start to end."""
    ### BEGIN SOLUTION
    return torch.stack([(1 - t) * start + t * end for t in torch.linspace(0, 1, num_steps)])
    ### END SOLUTION


# %%
print(walk(torch.tensor([0.0, 2.0]), torch.tensor([4.0, 0.0]), 5).tolist())

# %% [markdown]
# You should see (1, 1.5) in the second place. Now on pictures: above in pixels, below in codes.

# %%
model = models[32]
places = [int((labels == digit).nonzero()[0]) for digit in (3, 8)]
first, second = images[places[0]], images[places[1]]
with torch.no_grad():
    codes = model.encoder(torch.stack([first, second]))
    drawn = model.decoder(walk(codes[0], codes[1], 9))
show_images(
    torch.cat([walk(first, second, 9), drawn]), columns=9, size=0.9, alt="From a 3 to an 8: in pixels, then in codes"
)

# %% [markdown]
# In pixels one picture fades out while the other fades in. In codes strokes move and close. In the middle there may be
# something that is no digit: nobody ever asked the decoder to draw something good *there*.
#
# ## Why noise is no digit
#
# Then any code should give a digit? We draw codes at random, from a standard normal distribution, and let the decoder draw.

# %%
generator = torch.Generator().manual_seed(8)
noise = torch.randn(9, 32, generator=generator)
with torch.no_grad():
    codes = model.encoder(images[:1000])
    spread = torch.linalg.cholesky(torch.cov(codes.T) + 1e-4 * torch.eye(32))
    likely = codes.mean(dim=0) + noise @ spread.T
    show_images(
        torch.cat([model.decoder(noise), model.decoder(likely)]),
        columns=9,
        size=0.9,
        alt="Above: random codes decoded, scribbles. Below: random codes with mean and spread of true ones, nearly digits",
    )
print(f"standard deviations of the codes' numbers: {codes.std(dim=0).min():.1f} to {codes.std(dim=0).max():.1f}")
print(f"from zero to the mean code: {codes.mean(dim=0).norm():.0f}; to the noise: {noise.norm(dim=1).mean():.0f}")

# %% [markdown]
# True codes are spread widely, as the last lines say, around a mean that is far from zero. The noise above lies huddled around
# zero, where hardly a digit has its code, and the decoder was never trained there. Below, random codes have the mean and the
# spread of true ones: strokes appear, and now and then a digit. But true codes lie in clumps, and most of these fall into the
# gaps. A *variational* autoencoder trains its codes to be normally distributed, so that there are no gaps.
#
# ## Why the drawings are soft
#
# Say the code tells the decoder that there is a stroke, but not exactly where: half of the digits have it one pixel further
# right. What should it draw, if it is punished by the squared difference? For one pixel that is 0 or 1, equally often:

# %%
for guess in [0.0, 0.25, 0.5, 0.75, 1.0]:
    loss = 0.5 * (guess - 0.0) ** 2 + 0.5 * (guess - 1.0) ** 2
    print(f"draws {guess:.2f}: mean squared difference {loss:.3f}")

# %% [markdown]
# Grey is best: **the mean of all that is possible**. It is no picture that could occur, but it is never far off. The same on a
# digit: nine copies, each moved a little, and their mean.

# %%
copies = torch.stack(
    [torch.roll(images[4], (int(down), int(right)), (1, 2)) for down in (-1, 0, 1) for right in (-2, 0, 2)]
)
show_images(
    torch.cat([copies[[0, 4, 8]], copies.mean(dim=0, keepdim=True)]),
    ["possible", "possible", "possible", "their mean"],
    columns=4,
    size=1.1,
)

# %% [markdown]
# ## Which size was it?
#
# A convolution with stride 2 turns 7 pixels into 4, and 8 pixels as well: rounding down forgets. So a transposed convolution
# with the same kernel, stride and padding cannot know which of the two to give back.

# %%
show_convolution(size=7, kernel_size=3, stride=2, padding=1)
show_convolution(size=8, kernel_size=3, stride=2, padding=1)
show_transposed(size=4, kernel_size=3, stride=2, padding=1)

# %% [markdown]
# It gives the smallest width that fits. `output_padding` asks for more, pixels on the right that only the last copy of the kernel
# may reach:

# %%
show_transposed(size=4, kernel_size=3, stride=2, padding=1, output_padding=1)

# %% [markdown]
# ## Task 16: the missing pixels (not graded)
#
# ●●○ · about 15 minutes · in the cell below
#
# For a convolution that was applied to `size` pixels: which `output_padding` makes the transposed convolution give back `size`?
# Compute it with `conv_size` and `transposed_size`. (By hand for 8, 3, 2, 1: 4, then (4 − 1) · 2 − 2 + 3 = 7, so one is missing.)
#
# - **in:** `size`, `kernel_size`, `stride`, `padding`, ints
# - **out:** an int, from 0 to `stride - 1`
#
# <details><summary>Hint 1: where to look</summary>
#
# The example by hand has all steps.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Forward, then back without `output_padding`, and see how many pixels are missing.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# From `size` take away `transposed_size(smaller, ...)`, where `smaller` is the width of the convolution's output.
#
# </details>


# %% role="solution" grade_id="extra_output_padding"
def missing_pixels(size, kernel_size, stride, padding):
    """The output_padding with which a transposed convolution gives back the width."""
    ### BEGIN SOLUTION
    smaller = conv_size(size, kernel_size, stride, padding)
    return size - transposed_size(smaller, kernel_size, stride, padding)
    ### END SOLUTION


# %%
tried = wrong = 0
for size in range(7, 13):
    for kernel_size in range(1, 6):
        for stride in range(1, 4):
            for padding in range((kernel_size + 1) // 2):
                more = missing_pixels(size, kernel_size, stride, padding)
                there = nn.Conv2d(1, 1, kernel_size, stride, padding)
                back = nn.ConvTranspose2d(1, 1, kernel_size, stride, padding, output_padding=more)
                tried += 1
                wrong += back(there(torch.zeros(1, 1, size, size))).shape[-1] != size
print(f"{tried} pairs of layers, {wrong} of them do not give back the width")

# %% [markdown]
# You should see 0 wrong ones. The shape comes back, and only the shape: what a convolution has thrown away, no transposed one can
# know. It has to *learn* what to draw.
#
# ## What you learned
#
# - How long a code has to be shows in the loss, and two numbers already make a map.
# - Between codes lie pictures, between clumps of codes lies nothing.
# - The squared difference wants the mean of all that is possible, and a mean of sharp pictures is soft.
# - Rounding down forgets, `output_padding` says it again.
