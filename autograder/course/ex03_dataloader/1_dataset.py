# %% [markdown]
# # Exercise 3, part 1: a dataset
#
# **What you will build:** a dataset that turns a folder of image files into samples, and the transforms that
# turn those images into good input for a neural network.
#
# **Time:** about 60 minutes (part 2, the data loader, takes another 60).
#
# **What you need:** Python's classes, and numpy arrays: their `shape` and `dtype`, indexing, and that
# `array.mean(axis=...)` exists.
#
# **Where you write code:** in the file `exercise_code/ex03_dataloader/image_folder.py`. Open it beside this
# notebook. The notebook itself is for trying things out.
#
# | task | what you fill in | check | points |
# |---|---|---|---|
# | 1 | `ImageFolderDataset.__len__` | `dataset_len` | 5 |
# | 2 | `ImageFolderDataset.__getitem__` | `dataset_getitem` | 15 |
# | 3 | `RescaleTransform.__call__` | `transform_rescale` | 10 |
# | 4 | `compute_image_mean_and_std` | `image_mean_std` | 10 |
# | 5 | `NormalizeTransform.__call__` | `transform_normalize` | 10 |
# | 6 | a question, answered in words | | 5 |

# %% [markdown]
# Run this cell first. Its first two lines make sure that this notebook always uses your files as they are on
# disk: save the file, run a cell, and the new code is there.

# %%
# %load_ext autoreload
# %autoreload 2
# %matplotlib inline

import time

import numpy as np

from exercise_code import check, load_dataset, seed_everything
from exercise_code.common.plotting import show_images
from exercise_code.ex03_dataloader.image_files import list_images, load_image
from exercise_code.ex03_dataloader.image_folder import (
    ComposeTransform,
    ImageFolderDataset,
    NormalizeTransform,
    RescaleTransform,
    compute_image_mean_and_std,
)
from exercise_code.ex03_dataloader.pictures import show_descent, show_histograms

seed = seed_everything(3)

# %% [markdown]
# ## Why data gets an exercise of its own
#
# A neural network learns from examples, here from small colour images in ten classes, like those of the
# famous data set CIFAR-10. The network never sees a file or a folder. It sees arrays of numbers, and it believes
# them: if every label belongs to the *next* image, nothing crashes. The network just learns nonsense, and you
# look for the mistake in the wrong place for days.
#
# So before we train anything in this course, we make sure that the right numbers arrive. `load_dataset` puts
# the images on your disk and says which ones it gave you: the real photographs, or drawings that the course
# makes itself, in the same form.

# %%
data = load_dataset("cifar10", split="train")
print("the images are in", data.root)

# %% [markdown]
# There is one folder for each class, and in it one file for each image:
#
# ```
# bird/0000.png
# bird/0001.png
# ...
# truck/0119.png
# ```
#
# A helper in `image_files.py` goes through the folders and makes three lists: the names of the classes, the
# files, and for each file a number that says which class it belongs to, its **label**.

# %%
classes, paths, labels = list_images(data.root)

print("classes:", classes)
print("files:  ", len(paths))
for i in [0, 1, len(paths) - 1]:
    print(f"file {i}: {paths[i].parent.name}/{paths[i].name} has the label {labels[i]} ({classes[labels[i]]})")

# %% [markdown]
# The classes are in alphabetical order. That is not vanity: operating systems list folders in different orders,
# and a label 3 that is a cat on your laptop and a ship on the grader's computer would be of little use.
#
# Here are some of the images.

# %%
chosen = np.random.default_rng(0).choice(len(paths), 20, replace=False)
names = [classes[labels[i]] for i in chosen]
show_images([load_image(paths[i]) for i in chosen], names, columns=10, size=1.1)

# %% [markdown]
# And this is what one of them is for a computer: height × width × 3 numbers, for the amounts of red, green and
# blue from 0 to 255. Such a number fits into one byte, which numpy calls `uint8`.

# %%
image = load_image(paths[0])
print("shape:", image.shape, " dtype:", image.dtype, " values:", image.min(), "to", image.max())
print("the pixel in the top left corner (red, green, blue):", image[0, 0])

# %% [markdown]
# ## 1. Two questions to a dataset
#
# Whatever the data is, images, texts or prices of houses, the code that trains a network asks only two questions:
#
# - *How many samples are there?* Python spells it `len(dataset)`.
# - *What is sample number i?* Python spells it `dataset[i]`.
#
# Any class can answer them. When Python sees `len(dataset)` it calls the method `dataset.__len__()`, and for
# `dataset[i]` it calls `dataset.__getitem__(i)`. Here is a small dataset of square numbers. Nothing is stored
# in it: a sample is made when somebody asks for it.


# %%
class Squares:
    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return {"root": index, "square": index**2}


squares = Squares(1000)
print(len(squares))
print(squares[12])

# %% [markdown]
# ### Task 1: how many? (5 points)
#
# Open `exercise_code/ex03_dataloader/image_folder.py` and look at the class `ImageFolderDataset`. Its `__init__`
# is written already: it calls `list_images` and keeps the results. Read what the attributes are.
#
# Then fill in `__len__`: replace the line `raise NotImplementedError()` by your code.
#
# - in: nothing but the dataset itself
# - out: the number of images, an `int`
#
# Save the file and run the check. It shows a line for each thing that is expected of your code. You can run it as
# often as you like.

# %% role="checks" grade_id="dataset_len" points=5
check("dataset_len")

# %% [markdown]
# ### Task 2: sample number i (15 points)
#
# Fill in `__getitem__` in the same class. The text in it says what a sample looks like.
#
# - in: `index`, an `int`
# - out: a `dict` with the image under `"image"` and the label under `"label"`
#
# Mind two things that the dataset may have been told when it was created:
#
# - `in_memory`: with `True` all images have been read already and are in `self.images`. With `False` nothing is
#   kept: a file is read each time its sample is asked for.
# - `transform=...`: a function that is to be applied to the image before it is handed out. We will write such
#   functions in a minute.
#
# To read a file, use `load_image`: it gives red, green and blue for any file, also for a grey one or one with
# transparency.

# %% role="checks" grade_id="dataset_getitem" points=15
check("dataset_getitem")

# %% [markdown]
# A look at the result. Does every image belong to the name above it?

# %%
dataset = ImageFolderDataset(data.root)

chosen = np.random.default_rng(1).choice(len(dataset), 20, replace=False)
samples = [dataset[i] for i in chosen]
names = [dataset.classes[sample["label"]] for sample in samples]
show_images([sample["image"] for sample in samples], names, columns=10, size=1.1)

# %% [markdown]
# ### Disk or memory?
#
# Reading a file takes time, and the dataset does it again each time the image is asked for. Keeping all images in
# memory avoids that, and costs memory. How much of each?


# %%
def seconds_for(dataset, count=1000):
    start = time.perf_counter()
    for i in range(count):
        dataset[i]
    return time.perf_counter() - start


start = time.perf_counter()
dataset_in_memory = ImageFolderDataset(data.root, in_memory=True)
loading = time.perf_counter() - start
megabytes = sum(image.nbytes for image in dataset_in_memory.images) / 1e6

print(f"from disk:    1000 samples take {seconds_for(dataset):.4f} s")
print(f"from memory:  1000 samples take {seconds_for(dataset_in_memory):.4f} s,")
print(f"              after {loading:.2f} s to read all files, with {megabytes:.0f} MB of memory")

# %% [markdown]
# **Think.** ImageNet, a data set of photographs, has 1.28 million training images, often scaled to 224 × 224
# pixels of 3 bytes. Would you keep it in memory?
#
# <details><summary>Open this when you have an answer.</summary>
#
# 1.28 million × 224 × 224 × 3 bytes are about 193 GB, more than most computers have. The images stay on disk, and
# the code reads them while the network is busy with the images before. Part 2 builds the machinery for that.
# </details>

# %% [markdown]
# ## 2. Values that a network likes
#
# The pixels are numbers from 0 to 255. Why not feed them to a network as they are?
#
# Let us ask the smallest network there is, with one weight and one bias: $y = w \cdot x + b$. Its input $x$ is the
# brightness of an image, and it shall learn to say how bright that image is compared with the others. It
# learns by *gradient descent*: it looks which way the loss, the mean squared error, falls most steeply, and takes
# a step that way, again and again. (You will program that in the next exercise.)
#
# The dark blue in the picture is where the loss is small. Left the network gets the raw values, right the same
# values after the two transforms that you are about to write.

# %%
brightness = np.array([image.mean() for image in dataset_in_memory.images])
show_descent(brightness[::10])

# %% [markdown]
# On the left the loss is a long, narrow valley. A step that is safe across the valley is far too small along it,
# so the descent falls to the bottom at once and then hardly moves. On the right the valley is a round bowl,
# and the steepest way down leads straight to the best weights.
#
# What makes the difference: on the right the values are spread **around zero**, by **about one**. We get there in two
# steps, *rescale* and *normalise*.

# %% [markdown]
# ### Rescale
#
# First we map the range of the input, $[a_{min}, a_{max}]$, to the range that we want, $[b_{min}, b_{max}]$:
#
# $$ y = \frac{x - a_{min}}{a_{max} - a_{min}} \cdot (b_{max} - b_{min}) + b_{min} $$
#
# Read it from the inside: subtract, so that the range starts at 0; divide, so that it ends at 1; stretch it to the
# new width; shift it to the new start. An example by hand: temperatures in Fahrenheit to Celsius, where water
# freezes at 32 and boils at 212.

# %%
a_min, a_max = 32, 212
b_min, b_max = 0, 100

for x in [32, 122, 212, -40]:
    y = (x - a_min) / (a_max - a_min) * (b_max - b_min) + b_min
    print(f"{x} °F are {y:g} °C")

# %% [markdown]
# The last one lies outside of the range, and the formula still holds.
#
# With images there is one trap: in `uint8` there is nothing below 0 and nothing above 255. numpy does not
# complain, it goes round like the odometer of an old car.

# %%
dark = np.array([3, 10, 200], dtype=np.uint8)
print(dark - 5, "  in uint8")
print(dark.astype(float) - 5, "  in float")
print(dark * 2, "  in uint8")
print(dark.astype(float) * 2, "  in float")

# %% [markdown]
# ### Task 3: rescale (10 points)
#
# Fill in `RescaleTransform.__call__` in `image_folder.py`. An object with a method `__call__` can be used like
# a function: `transform = RescaleTransform((-1, 1))` makes it, `transform(image)` applies it.
#
# - in: `image`, an array of any shape, `uint8` or float
# - out: a new float array of the same shape. The array that came in must not change: somebody else may still
#   need it.

# %% role="checks" grade_id="transform_rescale" points=10
check("transform_rescale")

# %% [markdown]
# A look at the result: the form of the histograms stays, the numbers on the axis change.

# %%
some = np.stack(dataset_in_memory.images[::10])
show_histograms(
    {
        "raw": some,
        "RescaleTransform()": RescaleTransform()(some),
        "RescaleTransform((-1, 1))": RescaleTransform((-1, 1))(some),
    }
)

# %% [markdown]
# ### Mean and standard deviation
#
# Next we look at each colour by itself. Over all $M$ pixels of channel $c$, in all images:
#
# $$ \mu_c = \frac{1}{M} \sum_{i=1}^{M} x_{c,i} \qquad\qquad
#    \sigma_c = \sqrt{\frac{1}{M} \sum_{i=1}^{M} (x_{c,i} - \mu_c)^2} $$
#
# $\mu_c$ says how strong the colour is on average, $\sigma_c$ how much it varies. For $N$ images of
# $H \times W$ pixels, $M = N \cdot H \cdot W$.
#
# numpy computes both, and its argument `axis` says over which axes of an array. Those axes are gone afterwards.
# Look at this table of marks, with 2 students (rows) and 3 exams (columns):

# %%
marks = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 4.0]])

print("all marks:           ", marks.mean())
print("each exam, axis=0:   ", marks.mean(axis=0), " shape", marks.mean(axis=0).shape)
print("each student, axis=1:", marks.mean(axis=1), " shape", marks.mean(axis=1).shape)

# %% [markdown]
# ### Task 4: statistics of images (10 points)
#
# Fill in the function `compute_image_mean_and_std`.
#
# - in: `images`, an array of shape (number of images, height, width, channels)
# - out: a tuple `(mean, std)` of two arrays of shape (channels,)
#
# Ask yourself which of the four axes should be left in the end, and which ones should be gone.

# %% role="checks" grade_id="image_mean_std" points=10
check("image_mean_std")

# %% [markdown]
# Now we compute the statistics of the rescaled training images. As floats the images need eight times the memory
# that they need as bytes. For two numbers per channel every second image is plenty.

# %%
rescale = RescaleTransform()
rescaled = np.stack([rescale(image) for image in dataset_in_memory.images[::2]])
mean, std = compute_image_mean_and_std(rescaled)

for name, mu, sigma in zip(["red", "green", "blue"], mean, std, strict=True):
    print(f"{name:5}  mean {mu:.3f}  std {sigma:.3f}")

# %% [markdown]
# ### Normalise
#
# With these numbers each channel is moved to mean 0 and squeezed or stretched to standard deviation 1:
#
# $$ y_c = \frac{x_c - \mu_c}{\sigma_c} $$
#
# No loop over channels is needed. If an array of shape (height, width, 3) meets one of shape (3,), numpy fits the
# short one to the *last* axis of the long one; this is called broadcasting. A small example with one row of two
# pixels:

# %%
pixels = np.array([[[1.0, 10.0, 100.0], [2.0, 20.0, 200.0]]])
print("shapes", pixels.shape, "and (3,) give", (pixels - np.array([1, 10, 100])).shape)
print(pixels - np.array([1, 10, 100]))

# %% [markdown]
# ### Task 5: normalise (10 points)
#
# Fill in `NormalizeTransform.__call__`.
#
# - in: `image`, an array of shape (height, width, channels), or several images in one array with four axes
# - out: a new float array of the same shape

# %% role="checks" grade_id="transform_normalize" points=10
check("transform_normalize")

# %% [markdown]
# A look at the result. After the second step all three colours are centred at 0.

# %%
normalize = NormalizeTransform(mean, std)
some = rescaled[::5]
show_histograms({"rescaled": some, "rescaled and normalised": normalize(some)})

# %% [markdown]
# ## 3. All together
#
# `ComposeTransform` (given, at the end of `image_folder.py`) puts transforms in a row. With it the dataset
# hands out samples that a network likes, and the code that trains the network needs to know nothing about it.

# %%
transform = ComposeTransform([RescaleTransform(), NormalizeTransform(mean, std)])
dataset = ImageFolderDataset(data.root, transform=transform, in_memory=True)

sample = dataset[0]
print("label:", sample["label"], " image:", sample["image"].shape, sample["image"].dtype)
print("values from", sample["image"].min().round(2), "to", sample["image"].max().round(2))

# %% [markdown]
# To look at such an image, the transforms have to be undone, in the opposite order. Here is an image in the three
# states: as a file, normalised (the picture shows only what lies between 0 and 1), and back again.

# %%
original = ImageFolderDataset(data.root)[0]["image"]
normalized = dataset[0]["image"]
restored = normalized * std + mean

show_images([original / 255, normalized, restored], ["file", "normalised", "undone"], size=2.2)
print(f"largest difference after undoing: {np.abs(restored * 255 - original).max():.0e}")

# %% [markdown]
# **Think.** A friend computes `mean` and `std` from the raw images (0 to 255), then builds
# `ComposeTransform([RescaleTransform(), NormalizeTransform(mean, std)])` with them. No error appears. What do all of
# his images look like to the network? Guess first, then run the next cell.

# %%
raw_mean, raw_std = compute_image_mean_and_std(np.stack(dataset_in_memory.images[::10]))
mixed_up = ComposeTransform([RescaleTransform(), NormalizeTransform(raw_mean, raw_std)])
values = mixed_up(np.stack(dataset_in_memory.images[::10]))

print("mean of each channel:", values.mean(axis=(0, 1, 2)).round(4))
print("std of each channel: ", values.std(axis=(0, 1, 2)).round(4))

# %% [markdown]
# All pixels of a channel are nearly the same number: to this network every image is the same plain wall. Nothing
# crashed. This is why we look at the numbers before we train.

# %% [markdown] role="written" grade_id="written_statistics" points=5
# ### Task 6: whose mean is it? (5 points)
#
# Later in the course the data is split into training images, from which the network learns, and test images, on
# which we measure how good it is on images that it has never seen. Answer in three to five sentences:
#
# From which images should `mean` and `std` be computed? With which `mean` and `std` should the *test* images be
# normalised? Give a reason for both.
#
# ### BEGIN SOLUTION
# They are computed from the training images only. The test images stand for images that nobody has seen yet; if
# they take part in the statistics, something of the test data flows into the training, and the measured quality is
# no longer honest (data leakage).
#
# The test images are normalised with the training images' mean and std, not with their own. The network has
# learned what values mean under this one mapping: the same pixel must become the same number in training and in
# testing. Besides, in use there may be only one image at a time, which has no statistics of a data set.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 2 points: statistics from the training images only, with the reason that test data must not influence
#   training (leakage, an honest measurement). 1 point without a reason.
# - 3 points: test images are normalised with the training statistics, with the reason that the mapping must be
#   the same in training and testing, or that a single test image has no statistics of its own. 1 point without
#   a reason.
# - "Always over all data" or "each split with its own statistics": no points for that part.
# ### END MARKING GUIDE

# %% [markdown]
# ## What you learned
#
# - A dataset answers two questions: `len(dataset)` and `dataset[i]`. A sample is made when it is asked for.
# - Reading from disk saves memory, keeping images in memory saves time.
# - Rescaling maps a range linearly to another; `uint8` has to become float first.
# - Normalising gives each channel mean 0 and standard deviation 1, which makes gradient descent much faster. The
#   statistics come from the training data.
#
# **Next:** in `2_dataloader.ipynb` you build the loader that hands the samples to a network, a batch at a time.
