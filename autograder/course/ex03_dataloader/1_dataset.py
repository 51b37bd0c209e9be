# %% [markdown]
# # Exercise 3, part 1: a dataset
#
# **What you will build:** a dataset that turns a folder of image files into samples, and the transforms that
# turn those images into good input for a neural network.
#
# **To pass:** 75 of 100 points, for parts 1 and 2 together. Part 1 has 55 of them.
#
# **Time:** about 60 minutes (part 2, the data loader, takes another 60).
#
# **What you need:** Python's classes, and numpy arrays: their `shape` and `dtype`, indexing, and that
# `array.mean(axis=...)` exists.
#
# **Where you write code:** in the file [image_folder.py](../../exercise_code/ex03_dataloader/image_folder.py). Open
# it beside this notebook. The notebook itself is for trying things out.
#
# | task | what you write | difficulty | points |
# |---|---|---|---|
# | 1 | `ImageFolderDataset.__len__` | ●○○ | 5 |
# | 2 | `ImageFolderDataset.__getitem__` | ●●○ | 15 |
# | 3 | `RescaleTransform.__call__` | ●●○ | 10 |
# | 4 | `compute_image_mean_and_std` | ●●○ | 10 |
# | 5 | `NormalizeTransform.__call__` | ●○○ | 10 |
# | 6 | an answer in words | ●●○ | 5 |

# %% [markdown]
# Run this cell first. Its first two lines make sure that this notebook always uses your files as they are on
# disk: save the file, run a cell, and the new code is there.

# %%
# %load_ext autoreload
# %autoreload 3
# %matplotlib inline

import time

import numpy as np

from exercise_code import check, load_dataset
from exercise_code.common.plotting import show_images
from exercise_code.ex03_dataloader.image_files import list_images, load_image
from exercise_code.ex03_dataloader.image_folder import (
    ComposeTransform,
    ImageFolderDataset,
    NormalizeTransform,
    RescaleTransform,
    compute_image_mean_and_std,
)
from exercise_code.ex03_dataloader.pictures import (
    show_broadcasting,
    show_descent,
    show_histograms,
    show_pixels,
    show_rescaling,
    show_statistics,
    show_steps,
)

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
# truck/0399.png
# ```
#
# A helper in [image_files.py](../../exercise_code/ex03_dataloader/image_files.py) goes through the folders and makes
# three lists: the names of the classes, the files, and for each file a number that says which class it belongs to, its
# **label**.

# %%
classes, paths, labels = list_images(data.root)

print("classes:", classes)
print("files:  ", len(paths))
for i in [0, 1, len(paths) - 1]:
    print(f"file {i}: {paths[i].parent.name}/{paths[i].name} has the label {labels[i]} ({classes[labels[i]]})")

# %% [markdown]
# The classes are in alphabetical order, and for a reason: operating systems list folders in different orders, and a
# label 3 that is a deer on your laptop and a ship on the grader's computer would be of little use.
#
# Here is one image for each class, picked by hand: number 3 of the birds, number 6 of the cars, and so on. Not all of
# them are as easy to recognise; you will see others below.

# %%
numbers = [3, 6, 11, 2, 6, 15, 5, 0, 7, 3]
picked = [labels.index(label) + number for label, number in enumerate(numbers)]

names = [f"{labels[i]}: {classes[labels[i]]}" for i in picked]
show_images([load_image(paths[i]) for i in picked], names, columns=10, size=1.1)

# %% [markdown]
# And this is what an image is for a computer: height × width × 3 numbers, for the amounts of red, green and blue from
# 0 to 255. Such a number fits into one byte, which numpy calls `uint8`.

# %%
frog = picked[5]
image = load_image(paths[frog])
print("shape:", image.shape, " dtype:", image.dtype, " values:", image.min(), "to", image.max())
print("the pixel in row 17, column 17 (red, green, blue):", image[17, 17])

show_pixels(image, 14, 16, f"{paths[frog].parent.name}/{paths[frog].name}, label {labels[frog]}")

# %% [markdown]
# Find the printed pixel in the window on the right: rows come first, then columns, then colours.
#
# ## 1. Two questions to a dataset
#
# Whatever the data is, images, texts or prices of houses, the code that trains a network asks only two questions:
#
# - *How many samples are there?* Python spells it `len(dataset)`.
# - *What is sample number i?* Python spells it `dataset[i]`.
#
# Any class can answer them. When Python sees `len(dataset)` it calls the method `dataset.__len__()`, and for
# `dataset[i]` it calls `dataset.__getitem__(i)`. Here is a small dataset of square numbers. Nothing is stored
# in it: a sample is made when you ask for it.


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
# ## Task 1: how many? (5 points)
#
# ●○○ · about 3 minutes · [image_folder.py](../../exercise_code/ex03_dataloader/image_folder.py)
#
# Look at the class `ImageFolderDataset`. Its `__init__` is written already: it calls `list_images` and keeps the
# results. Read what the attributes are. Then fill in `__len__`: replace the line that raises `NotImplementedError` by
# your code.
#
# - **in:** nothing but the dataset itself
# - **out:** the number of images in all classes together, an `int`
#
# Save the file and run the check. It shows a line for each thing that is expected of your code. You can run it as
# often as you like.

# %% role="checks" grade_id="dataset_len" points=5
check("dataset_len")

# %% [markdown]
# Now the second question. A sample of our dataset is a `dict` with an image and its label. These are the steps from
# the number of the sample to the sample, for our frog:

# %%
file = f"{paths[frog].parent.name}/{paths[frog].name}"
show_steps(
    [
        (f"dataset[{frog}]", "an index, int"),
        ("its path", file),
        ("its image", f"{image.shape}, uint8"),
        ("transform", "only if there is one"),
        ("sample", f'{{"image": ..., "label": {labels[frog]}}}'),
    ],
    "from an index to a sample",
)

# %% [markdown]
# ## Task 2: sample number i (15 points)
#
# ●●○ · about 10 minutes · [image_folder.py](../../exercise_code/ex03_dataloader/image_folder.py)
#
# Fill in `__getitem__` in the same class.
#
# - **in:** `index`, an `int` from 0 to `len(dataset) - 1`
# - **out:** a `dict` with two entries: `"image"`, an array of shape (height, width, 3) and dtype `uint8` if there is no
#   transform, and `"label"`, an `int`
#
# Mind two things that the dataset was told when it was made:
#
# - `in_memory`: with `True` all images have been read already and are in `self.images`. With `False` nothing is
#   kept: a file is read each time you ask for its sample.
# - `transform`: a function that is applied to the image before it is handed out, or `None`. You will write such
#   functions soon.
#
# To read a file, use `load_image`: it gives red, green and blue for any file, even a grey one or one with
# transparency.
#
# <details><summary>Hint 1: where to look</summary>
#
# The docstring of the class lists the attributes. You need four of them: `paths`, `labels`, `images` and `transform`.
# All lists are in the same order, so one index fits them all.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# First get the image, from one of two places. Then apply the transform, if there is one. Then build the `dict`.
# Nothing that you do here changes the lists of the dataset.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `if self.images is None:` the image comes from `load_image(...)`, called with one entry of `self.paths`;
# otherwise it is one entry of `self.images`. A transform is called like a function: `image = self.transform(...)`.
#
# </details>

# %% role="checks" grade_id="dataset_getitem" points=15
check("dataset_getitem")

# %% [markdown]
# **A look at the result.** Twenty samples, evenly spread over the folder.

# %%
dataset = ImageFolderDataset(data.root)

samples = [dataset[i] for i in range(30, len(dataset), len(dataset) // 20)][:20]
names = [dataset.classes[sample["label"]] for sample in samples]
show_images([sample["image"] for sample in samples], names, columns=10, size=1.1)

# %% [markdown]
# You should see about two birds, two cars, two cats and so on, each under its own name. If not, then image and label
# come from different places of their lists: do you use the same `index` for both?
#
# ## 2. Disk or memory?
#
# Reading a file takes time, and the dataset does it again each time you ask for the image. Keeping all images in
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
print(f"              after {loading:.2f} s to read all files, with {megabytes:.1f} MB of memory")

# %% [markdown]
# Memory should be a hundred times faster or more. If both take the same time, then `__getitem__` reads the file even
# when `self.images` holds the image.
#
# The memory can be computed by hand: 4,000 images × 32 × 32 pixels × 3 bytes = 12,288,000 bytes, or 12.3 MB.
#
# **Think.** ImageNet, a data set of photographs, has 1.28 million training images, often scaled to 224 × 224
# pixels of 3 bytes. Would you keep it in memory?
#
# <details><summary>Open this when you have an answer.</summary>
#
# 1.28 million × 224 × 224 × 3 bytes are about 193 GB, more than most computers have. The images stay on disk, and
# the code reads them while the network is busy with the images before. Part 2 builds the machinery for that.
#
# </details>

# %% [markdown]
# ## 3. Values that a network likes
#
# The pixels are numbers from 0 to 255. Why not feed them to a network as they are?
#
# Let us ask the smallest network there is, with one weight and one bias: $y = w \cdot x + b$. Its input $x$ is the
# brightness of an image, and it learns to say how bright that image is compared with the others. It learns by
# *gradient descent*: from where it stands it finds the direction in which the loss, the mean squared error, falls
# most steeply, takes a step that way, and repeats. (You will program that in exercise 4.)
#
# The picture shows the loss for each pair of weight and bias; it is small where the blue is dark. On the left the
# network gets the raw values, on the right the same values after the two transforms that you are about to write.

# %%
brightness = np.array([image.mean() for image in dataset_in_memory.images])
show_descent(brightness[::10])

# %% [markdown]
# On the left the loss is a long, narrow valley. A step that is safe across the valley is far too small along it,
# so the descent falls to the bottom of the valley at once and then hardly moves. On the right the loss is a round bowl:
# the steepest way down leads straight to the best weights. After the same 30 steps the loss is 0.48 on the left and
# 0.09 on the right (for the drawings; photographs give other numbers and the same picture).
#
# What makes the difference: on the right the values are spread **around zero**, by **about one**. We get there in two
# steps, *rescale* and *normalise*.

# %% [markdown]
# ## 4. Rescale
#
# First we map the range of the input, $[a_{min}, a_{max}]$, to the range that we want, $[b_{min}, b_{max}]$:
#
# $$ y = \frac{x - a_{min}}{a_{max} - a_{min}} \cdot (b_{max} - b_{min}) + b_{min} $$
#
# Read it from the inside: subtract, so that the range starts at 0; divide, so that it ends at 1; stretch it to the
# new width; shift it to the new start.
#
# **By hand:** the pixel value 51 goes from the range $[0, 255]$ to $[-1, 1]$. It lies at $51 / 255 = 0.2$ of the old
# range. The new range is 2 wide, so it becomes $0.2 \cdot 2 + (-1) = -0.6$.

# %%
show_rescaling([0, 51, 127.5, 204, 255], in_range=(0, 255), out_range=(-1, 1))

# %% [markdown]
# The same formula turns Fahrenheit into Celsius. Water freezes at 32 °F and boils at 212 °F:

# %%
a_min, a_max = 32, 212
b_min, b_max = 0, 100

for x in [32, 122, 212, -40]:
    y = (x - a_min) / (a_max - a_min) * (b_max - b_min) + b_min
    print(f"{x} °F are {y:g} °C")

# %% [markdown]
# The last value lies outside the range, and the formula still holds.
#
# With images there is one trap: in `uint8` there is nothing below 0 and nothing above 255. numpy does not
# complain; the value wraps around, like the odometer of an old car.

# %%
dark = np.array([3, 10, 200], dtype=np.uint8)
print(dark - 5, "  in uint8")
print(dark.astype(float) - 5, "  in float")
print(dark * 2, "  in uint8")
print(dark.astype(float) * 2, "  in float")

# %% [markdown]
# ## Task 3: rescale (10 points)
#
# ●●○ · about 8 minutes · [image_folder.py](../../exercise_code/ex03_dataloader/image_folder.py)
#
# Fill in `RescaleTransform.__call__`. An object with a method `__call__` can be used like a function:
# `transform = RescaleTransform((-1, 1))` makes it, `transform(image)` applies it.
#
# - **in:** `image`, an array of any shape, dtype `uint8` or float
# - **out:** a new float array of the same shape. The array that came in must not change: other code may still
#   need it.
#
# <details><summary>Hint 1: where to look</summary>
#
# The object keeps both ranges, in `self.in_range` and `self.out_range`. Each is a pair (min, max). The formula is in
# the docstring, too.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# The formula works on a whole array as it works on one number, so you need no loop. Make a float array first: then
# nothing wraps around, and the array that came in stays as it is.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# Unpack the ranges, for example `a_min, a_max = self.in_range`. Then write the formula of the Fahrenheit cell, with
# `image.astype(float)` in the place of `x`.
#
# </details>

# %% role="checks" grade_id="transform_rescale" points=10
check("transform_rescale")

# %% [markdown]
# **A look at the result.** The lines are the three colours of every tenth image.

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
# The three pictures should have the same lines over different axes: 0 to 255, 0 to 1, −1 to 1. If not, then look at
# the ends of an axis: they are the ends of the range that you made. A picture that is cut in two and put together
# wrongly comes from arithmetic in `uint8`.

# %% [markdown]
# ## 5. Mean and standard deviation
#
# Next we look at each colour by itself. Over all $M$ pixels of channel $c$, in all images:
#
# $$ \mu_c = \frac{1}{M} \sum_{i=1}^{M} x_{c,i} \qquad\qquad
#    \sigma_c = \sqrt{\frac{1}{M} \sum_{i=1}^{M} (x_{c,i} - \mu_c)^2} $$
#
# $\mu_c$, the mean, says how strong the colour is on average. $\sigma_c$, the standard deviation (std), says how much
# it varies. For $N$ images of $H \times W$ pixels, $M = N \cdot H \cdot W$.
#
# **By hand,** for two images of 2 × 2 pixels. Red is 1 four times and 3 four times, so its mean is
# $(4 \cdot 1 + 4 \cdot 3) / 8 = 2$. Each red value is 1 away from that mean, so the std is $\sqrt{8 \cdot 1^2 / 8} = 1$.

# %%
tiny = np.zeros((2, 2, 2, 3))  # 2 images, 2 rows, 2 columns, 3 channels
tiny[..., 0] = [[1, 3], [1, 3]]
tiny[..., 1] = 5
tiny[1, :, :, 2] = 8
show_statistics(tiny)

# %% [markdown]
# numpy computes both, and its argument `axis` says over which axes of an array. Those axes are gone afterwards.
# Look at this table of marks, with 2 students (rows) and 3 exams (columns):

# %%
marks = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 4.0]])

print("all marks:           ", marks.mean())
print("each exam, axis=0:   ", marks.mean(axis=0), " shape", marks.mean(axis=0).shape)
print("each student, axis=1:", marks.mean(axis=1), " shape", marks.mean(axis=1).shape)

# %% [markdown]
# ## Task 4: statistics of images (10 points)
#
# ●●○ · about 8 minutes · [image_folder.py](../../exercise_code/ex03_dataloader/image_folder.py)
#
# Fill in the function `compute_image_mean_and_std`.
#
# - **in:** `images`, an array of shape (number of images, height, width, channels), dtype `uint8` or float
# - **out:** a tuple `(mean, std)` of two float arrays of shape (channels,)
#
# <details><summary>Hint 1: where to look</summary>
#
# The methods `mean` and `std` of a numpy array. Run `help(np.mean)` and read what `axis` may be.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# One axis of the four is left in the end, the last one. All others are gone. `axis` takes several axes at once, as a
# tuple.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `images.mean(axis=(...))` with the numbers of the three axes that go away, counted from 0. The same for `std`.
#
# </details>

# %% role="checks" grade_id="image_mean_std" points=10
check("image_mean_std")

# %% [markdown]
# **A look at the result,** for the rescaled training images. As floats the images need eight times the memory
# that they need as bytes. For two numbers per channel every second image is plenty.

# %%
rescale = RescaleTransform()
rescaled = np.stack([rescale(image) for image in dataset_in_memory.images[::2]])
mean, std = compute_image_mean_and_std(rescaled)

for name, mu, sigma in zip(["red", "green", "blue"], mean, std, strict=True):
    print(f"{name:5}  mean {mu:.3f}  std {sigma:.3f}")

# %% [markdown]
# All means should be close to 0.5 and all stds between 0.18 and 0.3: for the drawings 0.51, 0.53, 0.51 and 0.21, 0.19,
# 0.23; for CIFAR-10's photographs about 0.49, 0.48, 0.45 and 0.25, 0.24, 0.26. If yours are near 128, then the
# images are not rescaled. If they are a few thousandths, then they are rescaled twice.
#
# ## 6. Normalise
#
# With these numbers each channel is moved to mean 0 and squeezed or stretched to standard deviation 1:
#
# $$ y_c = \frac{x_c - \mu_c}{\sigma_c} $$
#
# **By hand:** with mean 0.5 and std 0.2, a red value of 0.8 becomes $(0.8 - 0.5) / 0.2 = 1.5$. In words: this red is
# one and a half standard deviations above the average.
#
# You need no loop over the channels. When an array of shape (height, width, 3) meets one of shape (3,), numpy lines
# the short one up with the *last* axis of the long one and repeats it along the others. This is called **broadcasting**.
# A small example with one row of two pixels:

# %%
pixels = np.array([[[1.0, 10.0, 100.0], [2.0, 20.0, 200.0]]])
vector = np.array([1.0, 10.0, 100.0])

print("shapes", pixels.shape, "and", vector.shape, "give", (pixels - vector).shape)
show_broadcasting(pixels, vector)

# %% [markdown]
# ## Task 5: normalise (10 points)
#
# ●○○ · about 5 minutes · [image_folder.py](../../exercise_code/ex03_dataloader/image_folder.py)
#
# Fill in `NormalizeTransform.__call__`. The object keeps `self.mean` and `self.std`, two arrays of shape (channels,).
#
# - **in:** `image`, an array of shape (height, width, channels), or several images in one array of shape (number of
#   images, height, width, channels), dtype `uint8` or float
# - **out:** a new float array of the same shape. The array that came in must not change.

# %% role="checks" grade_id="transform_normalize" points=10
check("transform_normalize")

# %% [markdown]
# **A look at the result.**

# %%
normalize = NormalizeTransform(mean, std)
some = rescaled[::5]
show_histograms({"rescaled": some, "rescaled and normalised": normalize(some)})

print("mean of each channel:", normalize(rescaled).mean(axis=(0, 1, 2)).round(3))
print("std of each channel: ", normalize(rescaled).std(axis=(0, 1, 2)).round(3))

# %% [markdown]
# On the right all three lines are centred at 0 and reach from about −2.5 to 2.5; the printed means are 0 (or −0) and the
# stds 1. If the stds are right and the means are not, then you divide before you subtract.
#
# ## 7. All together
#
# `ComposeTransform` (given, at the end of `image_folder.py`) puts transforms in a row. With it the dataset
# hands out samples that a network likes, and the code that trains the network does not need to know.

# %%
transform = ComposeTransform([RescaleTransform(), NormalizeTransform(mean, std)])
dataset = ImageFolderDataset(data.root, transform=transform, in_memory=True)

sample = dataset[frog]
print("label:", sample["label"], " image:", sample["image"].shape, sample["image"].dtype)
print("values from", sample["image"].min().round(2), "to", sample["image"].max().round(2))

# %% [markdown]
# To look at such an image, undo the transforms in the opposite order. Here is our frog in three states: as in its
# file, normalised (a picture can only show what lies between 0 and 1), and with the normalisation undone.

# %%
original = ImageFolderDataset(data.root)[frog]["image"]
normalized = dataset[frog]["image"]
restored = normalized * std + mean

show_images([original / 255, normalized, restored], ["file", "normalised", "undone"], size=2.2)
print(f"largest difference after undoing: {np.abs(restored * 255 - original).max():.0e}")

# %% [markdown]
# The first and the third picture are the same; the difference is some 1e-14, the rounding error of floats. In the
# second one every colour that is weaker than its average is missing, as negative values are drawn as 0. If the
# difference is larger than 1e-9, then one of the two transforms does not do what its formula says.
#
# **Think.** A friend computes `mean` and `std` from the raw images (0 to 255), then builds
# `ComposeTransform([RescaleTransform(), NormalizeTransform(mean, std)])` with them. No error appears. What do all of
# these images look like to the network? Guess first, then run the next cell.

# %%
raw_mean, raw_std = compute_image_mean_and_std(np.stack(dataset_in_memory.images[::10]))
mixed_up = ComposeTransform([RescaleTransform(), NormalizeTransform(raw_mean, raw_std)])
values = mixed_up(np.stack(dataset_in_memory.images[::10]))

print("mean of each channel:", values.mean(axis=(0, 1, 2)).round(4))
print("std of each channel: ", values.std(axis=(0, 1, 2)).round(4))

# %% [markdown]
# <details><summary>Open this when you have seen the numbers.</summary>
#
# The stds are 0.0039, which is 1/255. All pixels of a channel are nearly the same number: to this network every image
# is the same plain wall. Nothing crashed. This is why we look at the numbers before we train.
#
# </details>

# %% [markdown] role="written" grade_id="written_statistics" points=5
# ## Task 6: whose mean is it? (5 points)
#
# ●●○ · about 8 minutes · answer in this cell
#
# Later in the course the data is split into training images, from which the network learns, and test images, on
# which we measure how good it is on images that it has never seen. Answer in three to five sentences, with a reason
# for each:
#
# 1. From which images should `mean` and `std` be computed?
# 2. With which `mean` and `std` should the *test* images be normalised?
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
# - A dataset answers two questions: `len(dataset)` and `dataset[i]`. A sample is made when you ask for it.
# - Reading from disk saves memory, keeping images in memory saves time.
# - Rescaling maps one range linearly to another; `uint8` has to become float first.
# - Normalising gives each channel mean 0 and standard deviation 1, which makes gradient descent much faster.
# - Wrong numbers do not crash. Look at them: shapes, ranges, means, and a few pictures.
#
# ## Hand in
#
# You hand in parts 1 and 2 together, with the last cells of `2_dataloader.ipynb`. Save this notebook now, so that your
# answer to Task 6 is in the file. In part 2 you build the loader that hands the samples to a network, a batch at a time.
#
# ## Read on
#
# - [Broadcasting](https://numpy.org/doc/stable/user/basics.broadcasting.html) in numpy's manual, with drawings.
# - [Data preprocessing](https://cs231n.github.io/neural-networks-2/#datapre) in the notes of Stanford's CS231n: what
#   else people do to their inputs.
# - [The image classification dataset](https://d2l.ai/chapter_linear-classification/image-classification-dataset.html) in
#   *Dive into Deep Learning*: the same first steps with another data set.
