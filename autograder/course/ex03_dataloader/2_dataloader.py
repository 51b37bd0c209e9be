# %% [markdown]
# # Exercise 3, part 2: a data loader
#
# **What you will build:** a `DataLoader` that hands out a dataset in batches: in order or shuffled, one batch
# at a time, epoch after epoch. It works like the one in PyTorch, which you will use for the rest of the course.
#
# **To pass:** 75 of 100 points, for parts 1 and 2 together. Part 2 has 45 of them.
#
# **Time:** about 60 minutes.
#
# **What you need:** part 1 (your `ImageFolderDataset` and the transforms), and `for` loops.
#
# **Where you write code:** in the file [dataloader.py](../../exercise_code/ex03_dataloader/dataloader.py).
#
# | task | what you write | difficulty | points |
# |---|---|---|---|
# | 7 | `combine_samples` | ●●○ | 5 |
# | 8 | `DataLoader.__len__` | ●○○ | 10 |
# | 9 | `DataLoader.__iter__`: batches | ●●● | 15 |
# | 10 | `DataLoader.__iter__`: shuffle | ●●○ | 10 |
# | 11 | an answer in words | ●●○ | 5 |

# %%
# %load_ext autoreload
# %autoreload 3
# %matplotlib inline

import time

import numpy as np

from exercise_code import check, load_dataset, submit
from exercise_code.common.plotting import show_images
from exercise_code.ex03_dataloader.dataloader import DataLoader, combine_samples
from exercise_code.ex03_dataloader.image_folder import (
    ComposeTransform,
    ImageFolderDataset,
    NormalizeTransform,
    RescaleTransform,
    compute_image_mean_and_std,
)
from exercise_code.ex03_dataloader.pictures import (
    show_classes_of_batches,
    show_cost_of_batches,
    show_cuts,
    show_orders,
    show_spread_of_means,
    show_stacking,
    show_steps,
    show_turns,
)

# %% [markdown]
# ## Why batches?
#
# A network could learn from one image at a time, or from all images at once. Both are bad ideas, and a measurement says
# why. The first layer of a network multiplies an image's 32 · 32 · 3 = 3,072 numbers by a matrix. We measure how long
# that takes for *one* image, when 1, 4, 16, ... of them are multiplied together.

# %%
rng = np.random.default_rng(0)
weights = rng.normal(size=(3072, 100)).astype(np.float32)

batch_sizes = [1, 4, 16, 64, 256]
inputs = [rng.normal(size=(size, 3072)).astype(np.float32) for size in batch_sizes]
seconds = np.zeros((40, len(batch_sizes)))
for row in seconds:
    for place, batch in enumerate(inputs):
        start = time.perf_counter()
        batch @ weights
        row[place] = time.perf_counter() - start

# Of 40 measurements the shortest is the one that other programs disturbed least.
microseconds = seconds.min(axis=0) / batch_sizes * 1e6
show_cost_of_batches(batch_sizes, microseconds)

# %% [markdown]
# One by one is slow: the computer fetches the whole matrix from memory for a single image. On most computers an image
# in a batch of 64 takes a third of that time or less. If your curve has a bump, then another program was busy: run the
# cell again. Beyond some size little more is gained, while the memory for the batch grows and grows; a whole data
# set often does not fit.
#
# What do we lose if we look at a batch instead of all images? Whatever we compute from $B$ random samples, a mean
# brightness or the gradient of a loss, is a noisy guess of its value for all samples. If single samples have the
# standard deviation $\sigma$, the mean of $B$ of them has
#
# $$ \sigma_B = \frac{\sigma}{\sqrt{B}} $$
#
# **By hand:** the brightness of single images has a standard deviation of about 28. The mean of 16 images then has
# $28 / \sqrt{16} = 7$, and that of 64 images $28 / \sqrt{64} = 3.5$: for half the noise you need four times the
# samples. Each point in the next picture is the mean brightness of one random batch.

# %%
data = load_dataset("cifar10", split="train")
dataset = ImageFolderDataset(data.root, in_memory=True)
brightness = np.array([dataset[i]["image"].mean() for i in range(len(dataset))])

show_spread_of_means(brightness, [1, 4, 16, 64, 256])

# %% [markdown]
# The numbers above the points should halve from each batch size to the next, near the values by hand (photographs have
# others). They wobble a little, as each stands for 200 random batches. Batches of 16 to 256 are what people use: fast,
# not too noisy, small enough for the memory.
#
# ## 1. From samples to a batch
#
# A batch is a stack of samples. It has the form of a sample, a `dict` with the same keys, but each array has one axis
# more, at the front, that says which sample it is. Here are three samples and their batch:

# %%
picked = [dataset.labels.index(label) + number for label, number in [(0, 14), (1, 6), (5, 15)]]

samples = [dataset[i] for i in picked]
show_stacking(np.array([s["image"] for s in samples]), np.array([s["label"] for s in samples]))

# %% [markdown]
# `np.stack` puts arrays of the same shape on top of each other; of plain numbers it makes an array with one axis:

# %%
first = np.array([1, 2, 3])
second = np.array([4, 5, 6])

stacked = np.stack([first, second])
print(stacked, "has the shape", stacked.shape)
print(np.stack([7, 8, 9, 10]), "has the shape", np.stack([7, 8, 9, 10]).shape)

# %% [markdown]
# ## Task 7: combine samples (5 points)
#
# ●●○ · about 8 minutes · [dataloader.py](../../exercise_code/ex03_dataloader/dataloader.py)
#
# Fill in the function `combine_samples`.
#
# - **in:** `samples`, a list of one or more samples, each a `dict` with the same keys
# - **out:** one `dict` with these keys. $n$ images of shape (height, width, 3) become an array of shape
#   ($n$, height, width, 3) of the same dtype, $n$ labels an array of shape ($n$,). A single sample makes a batch of
#   one: its arrays have the new axis, too.
#
# <details><summary>Hint 1: where to look</summary>
#
# The keys are the same in all samples, so those of `samples[0]` are enough. Your code should work for any keys, not
# only for `"image"` and `"label"`.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Take one key after the other. For each, make a list of what stands under this key in every sample, and make one array
# of that list.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# Start with an empty `dict`. In a loop `for key in samples[0]:` put `np.stack(...)` of a list under `key`; the list is
# made of `sample[...]` for each `sample` in `samples`.
#
# </details>

# %% role="checks" grade_id="dataloader_combine" points=5
check("dataloader_combine")

# %% [markdown]
# **A look at the result.**

# %%
batch = combine_samples([dataset[i] for i in picked])
for key, array in batch.items():
    print(f"{key:6} shape {array.shape}, dtype {array.dtype}")

# %% [markdown]
# The images should have the shape (3, 32, 32, 3) and the dtype `uint8`, the labels the shape (3,) and an integer
# dtype. A shape of (96, 32, 3) comes from `np.concatenate`, which joins along an axis that is there already.
#
# ## 2. How many batches?
#
# One pass over the whole dataset is called an **epoch**. With $N$ samples in batches of $B$ the division rarely
# comes out even. **By hand,** for 7 samples in batches of 3: 7 divided by 3 is 2, remainder 1. That is two full
# batches, and one sample is left.

# %%
show_cuts(7, 3)

# %% [markdown]
# Either we keep the small batch, or we drop it (some networks do not like batches of another size):
#
# $$ \text{keep:}\; \left\lceil \frac{N}{B} \right\rceil
#    \qquad\qquad \text{drop:}\; \left\lfloor \frac{N}{B} \right\rfloor $$
#
# The brackets mean: round up, round down. Fill in this table in your head for $B = 4$. You will compare it with what
# your code says.
#
# | N | 3 | 4 | 5 | 8 | 10 |
# |---|---|---|---|---|---|
# | keep | | | | | |
# | drop | | | | | |

# %% [markdown]
# ## Task 8: the length of a loader (10 points)
#
# ●○○ · about 5 minutes · [dataloader.py](../../exercise_code/ex03_dataloader/dataloader.py)
#
# Fill in `DataLoader.__len__`. The loader knows `self.dataset`, `self.batch_size` and `self.drop_last`.
#
# - **in:** nothing but the loader itself
# - **out:** the number of batches in an epoch, an `int` (`np.ceil` gives a float). Do not read a sample to find it: that
#   may be slow.

# %% role="checks" grade_id="dataloader_len" points=10
check("dataloader_len")

# %% [markdown]
# **A look at the result:** your table, with `range(n)` as a dataset of $n$ samples.

# %%
for drop_last in [False, True]:
    lengths = [len(DataLoader(range(n), batch_size=4, drop_last=drop_last)) for n in [3, 4, 5, 8, 10]]
    print("drop" if drop_last else "keep", lengths)

# %% [markdown]
# You should see 1, 1, 2, 2, 3 and 0, 1, 1, 2, 2. If 4 and 8 get one batch too many, then you add a small batch even
# where nothing is left.
#
# ## 3. One batch at a time
#
# A loader must not make all batches at once: they would need as much memory as the whole dataset. It should make
# a batch when you ask for it. Python has a tool for that, the **generator**: a function with `yield` in it. Look at
# what is printed when.


# %%
def make_tea(cups):
    for cup in range(cups):
        print(f"  (boiling water for cup {cup})")
        yield f"cup {cup}"
    print("  (no tea left)")


tea = make_tea(2)
print("Nothing has been boiled yet.")
print("I get", next(tea))
print("I drink it and read a book.")
print("I get", next(tea))

# %% [markdown]
# `make_tea(2)` does not run the function; it gives back a generator. Each `next` runs it up to the next `yield`, hands
# out the value, and lets it sleep there. Your code and the generator take turns:

# %%
show_turns()

# %% [markdown]
# A `for` loop calls `next` for you, until the function ends:

# %%
for cup in make_tea(2):
    print("I get", cup)

# %% [markdown]
# When a `for` loop meets an object, it first calls the object's method `__iter__()` and then goes through what it gets.
# If `__iter__` is a generator, every loop gets a fresh one that starts from the beginning. That is just what we need:
# one loop, one epoch.


# %%
class TeaHouse:
    def __init__(self, cups):
        self.cups = cups

    def __iter__(self):
        for cup in range(self.cups):
            yield f"cup {cup}"


house = TeaHouse(3)
print("first loop: ", list(house))
print("second loop:", list(house))

# %% [markdown]
# ## Task 9: batches (15 points)
#
# ●●● · about 15 minutes · [dataloader.py](../../exercise_code/ex03_dataloader/dataloader.py)
#
# Fill in `DataLoader.__iter__`; its docstring lists the steps. Leave shuffling aside for now: begin with the order
# $0, 1, 2, \dots, N-1$.
#
# - **in:** nothing but the loader itself
# - **out:** a generator of batches, each made by `combine_samples`. Image batches have the shape (batch size, height,
#   width, 3); the last one may be smaller.
#
# Mind the last batch: without `drop_last` it may be smaller, with `drop_last` it is left out *if* it is smaller. And
# where the sizes come out even, no empty batch follows. Two loops may also go on side by side: each has its own place.
#
# <details><summary>Hint 1: where to look</summary>
#
# At the picture of 7 samples in batches of 3: with which index does each batch begin? Python's `range` has a third
# argument.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Make the whole order of the indices first. Then go through it in steps of the batch size, and cut a piece out of it at
# each step. A slice that reaches beyond the end is just shorter, so the small batch comes by itself. Read the samples
# of a piece only after you have cut it, and `yield` before you cut the next one.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `for start in range(0, ..., self.batch_size):` the piece is `order[start : ...]`. If `self.drop_last` and the piece
# is shorter than a batch, `return` ends the generator. Otherwise `yield combine_samples([...])` with
# `self.dataset[...]` for each index of the piece.
#
# </details>

# %% role="checks" grade_id="dataloader_batches" points=15
check("dataloader_batches")

# %% [markdown]
# **A look at the result:** the shapes of all batches of a small dataset, and whether your loader is lazy. `Talking`
# is a dataset that says when a sample is read.


# %%
class Talking:
    def __len__(self):
        return 10

    def __getitem__(self, index):
        print(f"  (reading sample {index})")
        return {"image": np.zeros((2, 2, 3)), "label": index}


for number, batch in enumerate(DataLoader(Talking(), batch_size=4)):
    print(f"batch {number}: labels {batch['label']}, images {batch['image'].shape}")

# %% [markdown]
# You should see four samples read, then batch 0; four more, then batch 1; two more, then batch 2 with images of shape
# (2, 2, 2, 3). If all ten are read before the first batch appears, then the loader makes all batches at once: move the
# reading behind the cut, inside the loop.
#
# ## 4. Shuffle
#
# Our image folder is sorted by class, and so are the batches. Which classes does a network see while it goes through
# the first epoch?


# %%
def labels_of(loader):
    return [batch["label"] for batch in loader]


batch_size = len(dataset) // 25
in_order = DataLoader(dataset, batch_size)
show_classes_of_batches(labels_of(in_order), dataset.classes, "in the order of the folder")

# %% [markdown]
# First nothing but birds, then nothing but cars: no batch holds more than two classes. The network would learn
# "everything is a bird", forget it, and learn "everything is a car". Batches should look like the whole dataset: a
# random mix of everything.
#
# So the loader shuffles the *indices* before it cuts them into batches. Every sample still comes exactly once in an
# epoch, as every card stays in the deck when you shuffle it. Such an order is called a **permutation**.
#
# **By hand,** for 6 samples in batches of 2: the permutation 4 1 5 0 3 2 gives the batches (4, 1), (5, 0) and (3, 2).
# Each index is there once. There are $6! = 720$ such orders, and each epoch draws another one.
#
# Random, but not beyond control: if two runs of your program draw different orders, you cannot tell whether an
# improvement comes from your idea or from luck. A random generator with a **seed** draws the same numbers in
# each run. It keeps a state that moves on with each draw:

# %%
generator = np.random.default_rng(seed=7)
print("first draw:      ", generator.integers(0, 100, 5))
print("second draw:     ", generator.integers(0, 100, 5))

generator = np.random.default_rng(seed=7)
print("first draw again:", generator.integers(0, 100, 5))

# %% [markdown]
# ## Task 10: shuffle (10 points)
#
# ●●○ · about 6 minutes · [dataloader.py](../../exercise_code/ex03_dataloader/dataloader.py)
#
# Extend `DataLoader.__iter__`: with `self.shuffle` the order of the indices is a new random permutation in each
# epoch. Draw it from `self.rng`, the generator that `__init__` has made from the seed. Each loader has its own, so
# that another loader in between changes nothing.
#
# - **in:** nothing but the loader itself, which knows `self.shuffle` and `self.rng`
# - **out:** the same batches as before, with the samples in random order. The permutation covers the whole dataset, so
#   with `drop_last` other samples are left out each time.
#
# <details><summary>Hint 1: where to look</summary>
#
# In numpy's manual: [Permutations](https://numpy.org/doc/stable/reference/random/generator.html#permutations). It
# compares three methods of a generator in one short table.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Only the first step of Task 9 changes, the order. Everything after it stays: an array of indices can be sliced just
# like a `range`.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# If `self.shuffle`, then `order = self.rng.…(…)`, with the method that returns a shuffled copy and leaves its argument
# alone; given a whole number, it shuffles the numbers below it. Otherwise the order is the `range` of Task 9.
#
# </details>

# %% role="checks" grade_id="dataloader_shuffle" points=10
check("dataloader_shuffle")

# %% [markdown]
# **A look at the result:** four epochs of a shuffled loader.


# %%
class Numbers:
    def __len__(self):
        return 20

    def __getitem__(self, index):
        return {"label": index}


loader = DataLoader(Numbers(), batch_size=5, shuffle=True, seed=0)
show_orders([np.concatenate(labels_of(loader)) for _ in range(4)], batch_size=5)

# %% [markdown]
# Each row should hold each number from 0 to 19 once, and no two rows are the same. If all rows are the same, then
# you make a new generator from the seed in each epoch. If numbers come twice, then you draw them one by one.
#
# And these are the batches of our images now:

# %%
shuffled = DataLoader(dataset, batch_size, shuffle=True, seed=0)
show_classes_of_batches(labels_of(shuffled), dataset.classes, "shuffled")

# %% [markdown]
# Every batch now holds nearly all of the ten classes.
#
# **Think.** You throw a die for each place in an epoch: `rng.integers(0, N, N)` draws $N$ random indices. How many of
# the samples does an epoch miss then, if $N$ is large? Guess, then run the cell.

# %%
N = 10_000
drawn = np.random.default_rng(0).integers(0, N, N)
print(f"missed: {1 - len(np.unique(drawn)) / N:.1%}, and 1/e is {np.exp(-1):.1%}")

# %% [markdown]
# <details><summary>Why 1/e?</summary>
#
# One draw misses a given sample with probability $1 - 1/N$, and all $N$ draws miss it with $(1 - 1/N)^N$, which
# goes to $1/e \approx 37\,\%$ as $N$ grows.
#
# </details>
#
# **Think.** After training you measure how many *test* images the network gets right. Should that loader shuffle?
#
# <details><summary>Open this when you have an answer.</summary>
#
# There is no need to. The network does not change while it is measured, and the share of right answers is the same in
# any order. Without shuffling you can also compare the answers of two networks image by image.
#
# </details>

# %% [markdown]
# ## 5. The whole pipeline
#
# Files, dataset, transforms, loader: this is all that stands between a folder of images and a network.

# %%
show_steps(
    [
        ("folder", "PNG files"),
        ("dataset", "(32, 32, 3), uint8"),
        ("rescale", "floats from 0 to 1"),
        ("normalise", "mean 0, std 1"),
        ("loader", "(64, 32, 32, 3), float"),
    ],
    "from a folder to batches",
)

# %%
some = np.stack(dataset.images[::2])
mean, std = compute_image_mean_and_std(RescaleTransform()(some))
transform = ComposeTransform([RescaleTransform(), NormalizeTransform(mean, std)])

train_set = ImageFolderDataset(data.root, transform=transform)
train_loader = DataLoader(train_set, batch_size=64, shuffle=True, drop_last=True, seed=0)

batch = next(iter(train_loader))
print("images:", batch["image"].shape, " labels:", batch["label"].shape)
print(f"mean {batch['image'].mean():.2f}, std {batch['image'].std():.2f}")

# %% [markdown]
# Mean 0 and standard deviation 1 hold for all training images together; a batch comes close, within about 0.2. If
# yours is far off, then look at the transforms of part 1. Here are the first images of this batch, with the
# normalisation undone for our eyes:

# %%
names = [train_set.classes[label] for label in batch["label"][:20]]
show_images(batch["image"][:20] * std + mean, names, columns=10, size=1.1)

# %% [markdown]
# A mix of classes, each image under its own name. How long does an epoch take, without any network? This is the time
# that the loader costs in training.


# %%
def seconds_of_an_epoch(in_memory):
    dataset = ImageFolderDataset(data.root, transform=transform, in_memory=in_memory)
    start = time.perf_counter()
    for _ in DataLoader(dataset, batch_size=64, shuffle=True, seed=0):
        pass
    return time.perf_counter() - start


for in_memory in [False, True]:
    seconds = seconds_of_an_epoch(in_memory)
    place = "memory" if in_memory else "disk"
    print(f"{place:6} {seconds:.2f} s, {len(train_set) / seconds:,.0f} images a second")

# %% [markdown]
# Expect thousands of images a second from disk, and several times as many from memory. If it takes minutes, then your
# loader reads the dataset once for each batch.

# %% [markdown] role="written" grade_id="written_shuffle" points=5
# ## Task 11: one shuffle or many? (5 points)
#
# ●●○ · about 8 minutes · answer in this cell
#
# A classmate has an idea: shuffle the files once, save their order, and use the same order in every epoch. "Then
# the classes are mixed, and I save the time for shuffling." Answer in three to five sentences, with a reason for each:
#
# 1. Which problem of the sorted folder does this solve?
# 2. What is still worse than with a new order in each epoch?
#
# ### BEGIN SOLUTION
# One shuffle solves the main problem: a batch holds a mix of classes, so its gradient points roughly where the
# gradient of the whole dataset would, and the network does not learn one class and forget the one before.
#
# But the same samples always form the same batch, in the same sequence. The noise in each batch's gradient repeats
# itself in each epoch instead of averaging out, and the network can fit peculiarities of these fixed batches. With
# drop_last the same samples are left out forever. (The time for a permutation is negligible.)
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 2 points: solves that batches (or stretches of training) consist of one class; says why that is bad (forgetting,
#   gradient of a batch does not represent the dataset). 1 point without a reason.
# - 3 points: one drawback of a fixed order with a reason: identical batches in every epoch, so that their errors
#   repeat instead of averaging out, or the same samples are always dropped. 1 point without a reason.
# ### END MARKING GUIDE

# %% [markdown]
# ## What you learned
#
# - A batch is a stack of samples; its size is a compromise between speed, noise and memory.
# - $N$ samples make $\lceil N/B \rceil$ batches, or $\lfloor N/B \rfloor$ if the small one is dropped.
# - A generator makes values when you ask for them. With `__iter__` as a generator, each loop is an epoch.
# - Shuffling permutes the indices, not the images. The generator behind it has a seed, so that a run can be repeated.

# %% [markdown]
# ## Hand in
#
# This packs your notebooks and modules into a zip, runs the checks on what is inside, and tells you if something is
# missing. Save this notebook before you run the cell. You can hand in as often as you like until the deadline.

# %%
submit("ex03_dataloader")

# %% [markdown]
# **Next:** in exercise 4 you write models and a *solver* that walks downhill, and in exercise 5 a network learns to tell
# these images apart. If you are curious how PyTorch does what you have just built, and reads images in several processes at once, open
# [3_torch_transforms.ipynb](3_torch_transforms.ipynb) (optional, no points).
#
# ## Read on
#
# - [Generators](https://docs.python.org/3/tutorial/classes.html#generators) in Python's tutorial, one page.
# - [Random generator](https://numpy.org/doc/stable/reference/random/generator.html) in numpy's manual.
# - [Minibatch stochastic gradient descent](https://d2l.ai/chapter_optimization/minibatch-sgd.html) in *Dive into Deep
#   Learning*: what the size of a batch means for speed, measured.
