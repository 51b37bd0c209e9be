# %% [markdown]
# # Exercise 3, part 3 (optional): the same in PyTorch
#
# **What you will build:** three transforms in the form that PyTorch's users write them, and a fast loader with worker
# processes.
#
# **To pass:** nothing; there are no points here. The cells below your code show at once what is right.
#
# **Time:** about 45 minutes.
#
# **What you need:** parts 1 and 2.
#
# **Where you write code:** this time in the cells of this notebook.
#
# | task | what you write | difficulty |
# |---|---|---|
# | 12 | `ToTensor.__call__` | ●○○ |
# | 13 | `RandomCrop.__call__` | ●●○ |
# | 14 | `Resize.__call__` | ●○○ |

# %%
# %load_ext autoreload
# %autoreload 3
# %matplotlib inline

import time

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from exercise_code import load_dataset, seed_everything
from exercise_code.common.plotting import show_images
from exercise_code.ex03_dataloader.image_folder import ImageFolderDataset
from exercise_code.ex03_dataloader.pictures import (
    show_channels_first,
    show_interpolation,
    show_waiting,
    show_windows,
)
from exercise_code.ex03_dataloader.torch_extras import SlowImages, compare, show_workers

# %% [markdown]
# From here on random numbers come from torch. One call sets the seed of its generator, so that each run of the whole
# notebook draws the same numbers.

# %%
seed_everything(3)

data = load_dataset("cifar10", split="train")
image, label = data.images[153], int(data.labels[153])
print(image.shape, image.dtype, data.classes[label])

# %% [markdown]
# ## 1. You know PyTorch's loader already
#
# `torch.utils.data.DataLoader` asks a dataset the two questions that you know, `len(dataset)` and `dataset[i]`.
# So it works with *your* `ImageFolderDataset` as it is:

# %%
loader = DataLoader(ImageFolderDataset(data.root), batch_size=64, shuffle=True, drop_last=True)

print("batches:", len(loader))
for key, value in next(iter(loader)).items():
    print(f"{key:6} {type(value).__name__} of shape {tuple(value.shape)}, {value.dtype}")

# %% [markdown]
# 4,000 images in batches of 64 are 62 batches, and 32 images are left out. If you see 63, `drop_last` is missing.
#
# What you called `combine_samples` is its argument `collate_fn`. The one it has by default does what yours does, and
# makes *tensors*: arrays that can live on a graphics card and that know how to compute gradients.
#
# One thing is not right yet. PyTorch's layers want images as (channels, height, width), and as floats. The numbers
# stay the same; what changes is the order in which you name their place. **By hand:** the red value of the pixel in row
# 5, column 9 is `array[5, 9, 0]`; in the tensor it is `tensor[0, 5, 9]`.

# %%
show_channels_first(image)

# %% [markdown]
# ## Task 12: `ToTensor` (not graded)
#
# ●○○ · about 5 minutes · in the cell below
#
# - **in:** an array of shape (height, width, 3), dtype `uint8`
# - **out:** a tensor of shape (3, height, width), dtype `float32`, values from 0 to 1
#
# Useful: `torch.tensor(array)`, the tensor's methods `permute` (a new order of the axes) and `float`.


# %% role="solution" grade_id="extra_to_tensor"
class ToTensor:
    """A transform that makes a tensor of an image."""

    def __call__(self, image):
        ### BEGIN SOLUTION
        return torch.tensor(image).permute(2, 0, 1).float() / 255
        ### END SOLUTION


# %%
tensor = ToTensor()(image)
compare("shape", tuple(tensor.shape), (3, 32, 32))
compare("dtype", tensor.dtype, torch.float32)
compare("red of the pixel in row 5, column 9", round(float(tensor[0, 5, 9]) * 255), int(image[5, 9, 0]))
compare("blue of the pixel in row 9, column 5", round(float(tensor[2, 9, 5]) * 255), int(image[9, 5, 2]))

# %% [markdown]
# You should see four ticks. If the shape is right and the pixels are not, then read on.
#
# **Think.** `torch.tensor(image).reshape(3, 32, 32)` has the right shape as well. Why is it wrong? Run the cell and look
# at what `reshape` does to a picture.

# %%
wrong = torch.tensor(image).reshape(3, 32, 32).permute(1, 2, 0).numpy()
show_images(np.stack([image, wrong]), ["permute", "reshape"], size=2)

# %% [markdown]
# <details><summary>Open this when you have an answer.</summary>
#
# In memory the numbers lie in the order red, green, blue of the first pixel, then of the second one, and so on.
# `reshape` leaves that order alone and only counts anew: the first 1,024 numbers, which are all colours of the first ten
# rows and a bit, become "red". So each channel holds a third of the picture, squeezed, with its colours side by side.
#
# </details>
#
# ## 2. More images than there are
#
# A dog a little further to the left is still a dog. If we cut a random window out of an image each time it is asked
# for, the network sees a slightly different picture in every epoch, and cannot learn single pixels by heart. This is
# called **data augmentation**, and it costs nothing but the cutting.
#
# A window of $h \times w$ fits into an image of $H \times W$ at $(H - h + 1) \cdot (W - w + 1)$ places. **By hand,** for
# a window of 4 × 3 in an image of 6 × 5: its top left corner can be in the rows 0, 1, 2 and in the columns 0, 1, 2. That
# is $(6 - 4 + 1) \cdot (5 - 3 + 1) = 9$ places.

# %%
show_windows((6, 5), (4, 3))

H, W, h, w = 32, 32, 24, 24
print((H - h + 1) * (W - w + 1), "different windows of 24 × 24 from one of our images")

# %% [markdown]
# ## Task 13: `RandomCrop` (not graded)
#
# ●●○ · about 10 minutes · in the cell below
#
# - **in:** an array of shape (H, W, 3)
# - **out:** the part of it in a random window, an array of shape (h, w, 3) and the same dtype. All places are equally
#   likely, also those at the edges.
#
# Useful: `int(torch.randint(n, ()))` is a random number from 0 to $n - 1$.
#
# <details><summary>Hint 1: where to look</summary>
#
# At the picture above. Every orange square is a top left corner. In which rows are they, and in which columns?
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Draw the top row and the left column, each by itself. Then cut with two slices, one for the rows and one for the
# columns. How many rows there are to choose from depends on the image and on the window.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `top = int(torch.randint(..., ()))`, with $H - h + 1$ in place of the dots, and `left` in the same way. The rows of
# the window are `top : top + ...`.
#
# </details>


# %% role="solution" grade_id="extra_random_crop"
class RandomCrop:
    """A transform that cuts a window of size (height, width) out of an image, each time at another place."""

    def __init__(self, size):
        self.size = size

    def __call__(self, image):
        ### BEGIN SOLUTION
        height, width = self.size
        top = int(torch.randint(image.shape[0] - height + 1, ()))
        left = int(torch.randint(image.shape[1] - width + 1, ()))
        return image[top : top + height, left : left + width]
        ### END SOLUTION


# %%
# In this picture the value of a pixel is its place: row * 10 + column.
places = np.repeat((np.arange(6)[:, None] * 10 + np.arange(5))[:, :, None], 3, axis=2)
crops = [RandomCrop((4, 3))(places) for _ in range(500)]

compare("shape", crops[0].shape, (4, 3, 3))
compare("top left corners", sorted({int(c[0, 0, 0]) for c in crops}), [0, 1, 2, 10, 11, 12, 20, 21, 22])
whole = [bool((c[:, :, 0] - c[0, 0, 0] == places[:4, :3, 0]).all()) for c in crops]
compare("windows without gaps", all(whole), True)

# %% [markdown]
# You should see three ticks and nine corners. If the corners 2, 12, 20, 21 and 22 are missing, then you draw from one
# place too few in each direction. Eight crops of our image:

# %%
crop = RandomCrop((24, 24))
show_images(np.stack([crop(image) for _ in range(8)]), columns=8, size=1.2, alt="Eight random crops of one image")

# %% [markdown]
# The same picture, each time moved a little. If all eight are the same, then the place is drawn once and kept.
#
# ## 3. One size for all
#
# Photographs come in all sizes, a batch needs one. (Do not mix this up with `RescaleTransform` of part 1: that one
# changes the values, this one the number of pixels.) New pixels lie between old ones, so their values have to be guessed.
# *Bilinear interpolation* draws a straight line from each pixel to the next, along the rows and along the columns.
#
# **By hand,** for a row of two pixels, 0 and 100, that becomes four pixels wide. The new pixels are half as wide. The
# second one has its centre a quarter of the way from the old centre 0.5 to the old centre 1.5, so its value is
# $0.75 \cdot 0 + 0.25 \cdot 100 = 25$.

# %%
show_interpolation()

# %% [markdown]
# ## Task 14: `Resize` (not graded)
#
# ●○○ · about 5 minutes · in the cell below
#
# - **in:** an array of shape (any height, any width, 3), dtype `uint8`
# - **out:** an array of shape (height, width, 3), dtype `uint8`, by bilinear interpolation
#
# Useful: `Image.fromarray(array)` gives an image of the library PIL, which has a method `resize(size, resample)`. Its
# `resample` is `Image.Resampling.BILINEAR` here. Careful: PIL wants its `size` as (width, height).


# %% role="solution" grade_id="extra_resize"
class Resize:
    """A transform that gives an image the size (height, width)."""

    def __init__(self, size):
        self.size = size

    def __call__(self, image):
        ### BEGIN SOLUTION
        height, width = self.size
        return np.array(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
        ### END SOLUTION


# %%
resized = Resize((20, 60))(image)
compare("shape", resized.shape, (20, 60, 3))
compare("dtype", resized.dtype, np.dtype("uint8"))
same_brightness = abs(resized[:, :30].mean() - image[:, :16].mean()) < 3
compare("left half stays left", bool(same_brightness), True)

row = np.array([[[0, 0, 0], [100, 100, 100]]], dtype=np.uint8)
compare("the row from above", Resize((1, 4))(row)[0, :, 0].tolist(), [0, 25, 75, 100])
show_images(resized[None], size=2.4, alt="The image, made 60 pixels wide and 20 high: it looks flat and broad")

# %% [markdown]
# You should see four ticks and a very broad picture. If it is tall instead, then height and width are in the wrong
# order. If the row is 0, 0, 100, 100, then each new pixel copies its nearest old one.
#
# ## 4. A dataset with these transforms
#
# PyTorch has a base class `Dataset` and a way to put transforms in a row. Many people also write a dataset that
# returns a tuple instead of a `dict`; the loader handles both.


# %%
class Pictures(Dataset):
    def __init__(self, images, labels, transforms):
        self.images = images
        self.labels = labels
        self.transforms = transforms

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index]
        for transform in self.transforms:
            image = transform(image)
        return image, int(self.labels[index])


pictures = Pictures(data.images, data.labels, [Resize((40, 40)), RandomCrop((32, 32)), ToTensor()])
images, labels = next(iter(DataLoader(pictures, batch_size=16, shuffle=True)))
print(images.shape, images.dtype, labels.shape)
show_images(images.numpy(), [data.classes[int(i)] for i in labels], columns=8, size=1.2)

# %% [markdown]
# The shape should be (16, 3, 32, 32), the dtype `torch.float32`, and the pictures in their right colours under their own
# names. If they look like noise, then `ToTensor` mixes up the axes.
#
# The library `torchvision` has all of this and much more, in `torchvision.transforms.v2`:
#
# | you wrote | torchvision |
# |---|---|
# | `ComposeTransform` | `v2.Compose` |
# | `ToTensor` | `v2.ToImage`, then `v2.ToDtype(torch.float32, scale=True)` |
# | `NormalizeTransform` | `v2.Normalize` |
# | `RandomCrop` | `v2.RandomCrop` |
# | `Resize` | `v2.Resize` |

# %% [markdown]
# ## 5. Workers
#
# While the network computes, the loader should already prepare the next batches. With `num_workers=2` PyTorch starts
# two more processes; each makes whole batches, and the loader collects them in the right order.
#
# `SlowImages` is a dataset that needs 3 ms for a sample, like a slow disk. **By hand:** 320 samples need at least
# 320 · 3 ms = 0.96 s with one process, and half of that with two. We time the second epoch, since starting the
# workers takes a moment, too.

# %%
slow = SlowImages(data.images[:320], data.labels[:320])

seconds = {}
for num_workers in [0, 1, 2]:
    loader = DataLoader(slow, batch_size=32, num_workers=num_workers, persistent_workers=num_workers > 0)
    for _ in range(2):
        start = time.perf_counter()
        for _ in loader:
            pass
        seconds[num_workers] = time.perf_counter() - start
    del loader

show_workers(seconds)

# %% [markdown]
# Expect about a second with 0 and with 1 worker, and a little more than half a second with 2. (One worker helps only
# when there is something to do meanwhile, and this loop does nothing with the batches.) If two workers are not faster,
# then the computer was busy: run the cell again.
#
# Waiting can be shared among as many workers as you like. Computing cannot: more workers than processor cores bring
# nothing there, and each one needs memory of its own.
#
# Three things to know about workers:
#
# - **On Windows and macOS** a worker is a new program that imports the dataset's class from its file. A class from a
#   notebook has no file, so put datasets and transforms for workers into a module, as `SlowImages` is.
# - **Random numbers.** Each worker gets a copy of your dataset. If it holds a numpy generator, all workers start with
#   copies of the same one and draw the same "random" crops. PyTorch gives every worker a seed of its own for *torch's*
#   random numbers, which is why `RandomCrop` uses `torch.randint`.
# - **In the course's grading** loaders run with `num_workers=0`, as a hand-in may start no processes.
#
# **Think.** The network needs 40 ms for a batch, and one worker needs 100 ms to make one. How many workers does it take
# for the network never to wait? Decide, then run the cell.

# %%
show_waiting(make_ms=100, use_ms=40, workers=[1, 2, 3])

# %% [markdown]
# <details><summary>Why three?</summary>
#
# With $k$ workers, $k$ batches are ready every 100 ms, and the network needs $40\,k$ ms for them. It never waits (after
# the first batch) if $40\,k \ge 100$, so $k \ge 2.5$. Two workers are too few: in every 100 ms the network waits 20.
#
# </details>

# %% [markdown]
# ## What you learned
#
# - PyTorch's `Dataset` and `DataLoader` are what you built in parts 1 and 2.
# - Images for PyTorch have their channels first; `permute` reorders the axes, `reshape` would mix up the pixels.
# - Random crops make more training images out of those you have.
# - Workers hide the time for reading; random numbers in them should be torch's.
#
# ## Hand in
#
# There is nothing to hand in here: parts 1 and 2 are the exercise.
#
# ## Read on
#
# - [Datasets and data loaders](https://docs.pytorch.org/tutorials/beginner/basics/data_tutorial.html) in PyTorch's tutorials.
# - [torch.utils.data](https://docs.pytorch.org/docs/stable/data.html): all that a loader can do, workers included.
# - [Image augmentation](https://d2l.ai/chapter_computer-vision/image-augmentation.html) in *Dive into Deep Learning*:
#   crops, flips and colours, and what they bring.
