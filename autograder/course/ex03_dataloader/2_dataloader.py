# %% [markdown]
# # Exercise 3, part 2: a data loader
#
# **What you will build:** a `DataLoader` that hands out a dataset in batches: in order or shuffled, one batch
# at a time, epoch after epoch. It works like the one in PyTorch, which you will use for the rest of the course.
#
# **Time:** about 60 minutes.
#
# **What you need:** part 1 (your `ImageFolderDataset` and the transforms), and `for` loops.
#
# **Where you write code:** in `exercise_code/ex03_dataloader/dataloader.py`.
#
# | task | what you fill in | check | points |
# |---|---|---|---|
# | 1 | `combine_samples` | `dataloader_combine` | 5 |
# | 2 | `DataLoader.__len__` | `dataloader_len` | 10 |
# | 3 | `DataLoader.__iter__`: batches | `dataloader_batches` | 15 |
# | 4 | `DataLoader.__iter__`: shuffle | `dataloader_shuffle` | 10 |
# | 5 | a question, answered in words | | 5 |

# %%
# %load_ext autoreload
# %autoreload 2
# %matplotlib inline

import time

import numpy as np

from exercise_code import check, load_dataset, seed_everything, submit
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
    show_orders,
    show_spread_of_means,
)

seed = seed_everything(3)

# %% [markdown]
# ## Why batches?
#
# A network could learn from one image at a time, or from all images at once. Both are bad ideas, and a picture says
# why. The first layer of a network multiplies an image's 3072 numbers by a matrix. We measure how long that takes for
# *one* image, when 1, 4, 16, ... of them are multiplied together.

# %%
rng = np.random.default_rng(0)
weights = rng.normal(size=(3072, 100)).astype(np.float32)

batch_sizes = [1, 4, 16, 64, 256]
microseconds = []
for size in batch_sizes:
    inputs = rng.normal(size=(size, 3072)).astype(np.float32)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        inputs @ weights
        times.append(time.perf_counter() - start)
    microseconds.append(min(times) / size * 1e6)

show_cost_of_batches(batch_sizes, microseconds)

# %% [markdown]
# One by one is slow: the computer fetches the whole matrix from memory for a single image. But beyond some size
# nothing more is gained, while the memory for the batch grows and grows; a whole data set often does not fit.
#
# What do we lose if we look at a batch instead of all images? Whatever we compute from $B$ random samples, a mean
# brightness or the gradient of a loss, is a noisy guess of its value for all samples. If single samples have the
# standard deviation $\sigma$, the mean of $B$ of them has
#
# $$ \sigma_B = \frac{\sigma}{\sqrt{B}} $$
#
# so the guess gets better with $B$, but slowly: for half the noise you need four times the samples. Each point in
# the next picture is the mean brightness of one random batch.

# %%
data = load_dataset("cifar10", split="train")
dataset = ImageFolderDataset(data.root, in_memory=True)
brightness = np.array([dataset[i]["image"].mean() for i in range(len(dataset))])

show_spread_of_means(brightness, [1, 4, 16, 64, 256])

# %% [markdown]
# Batches of 16 to 256 are what people use: fast, not too noisy, small enough for the memory.

# %% [markdown]
# ## 1. From samples to a batch
#
# A batch is a sample whose arrays have one axis more, at the front. Two images of shape `(32, 32, 3)` become one
# array of shape `(2, 32, 32, 3)`, two labels become an array of shape `(2,)`. `np.stack` puts arrays of the same
# shape on top of each other:

# %%
first = np.array([1, 2, 3])
second = np.array([4, 5, 6])

stacked = np.stack([first, second])
print(stacked, "has the shape", stacked.shape)
print(np.stack([7, 8, 9, 10]), "has the shape", np.stack([7, 8, 9, 10]).shape)

# %% [markdown]
# ### Task 1: combine samples (5 points)
#
# Fill in the function `combine_samples` in `dataloader.py`.
#
# - in: a list of one or more samples, each a `dict` with the same keys
# - out: one `dict` with these keys and an array for each. A single sample makes a batch of one: its arrays have the
#   axis of the batch, too.

# %% role="checks" grade_id="dataloader_combine" points=5
check("dataloader_combine")

# %%
batch = combine_samples([dataset[0], dataset[1], dataset[2]])
for key, array in batch.items():
    print(f"{key:6} shape {array.shape}, dtype {array.dtype}")

# %% [markdown]
# ## 2. How many batches?
#
# One pass over the whole dataset is called an **epoch**. With $N$ samples in batches of $B$ the division rarely
# comes out even: 10 samples in batches of 4 are two full batches and a small one with 2 samples. Either we keep the
# small batch, or we drop it (some networks do not like batches of another size):
#
# $$ \text{keep:}\; \left\lceil \frac{N}{B} \right\rceil
#    \qquad\qquad \text{drop:}\; \left\lfloor \frac{N}{B} \right\rfloor $$
#
# The brackets mean: round up, round down. Before you program it, fill this table in your head for $B = 4$ and run
# the cell after you have written the code.
#
# | N | 3 | 4 | 5 | 8 | 10 |
# |---|---|---|---|---|---|
# | keep | | | | | |
# | drop | | | | | |

# %% [markdown]
# ### Task 2: the length of a loader (10 points)
#
# Fill in `DataLoader.__len__`.
#
# - in: nothing but the loader, which knows `self.dataset`, `self.batch_size` and `self.drop_last`
# - out: the number of batches, an `int` (`np.ceil` gives a float). Do not read a sample for it: that may be slow.

# %% role="checks" grade_id="dataloader_len" points=10
check("dataloader_len")

# %%
for drop_last in [False, True]:
    lengths = [len(DataLoader(range(n), batch_size=4, drop_last=drop_last)) for n in [3, 4, 5, 8, 10]]
    print("drop" if drop_last else "keep", lengths)

# %% [markdown]
# ## 3. One batch at a time
#
# A loader must not make all batches at once: they would need as much memory as the whole dataset. It should make
# a batch when somebody asks for it. Python has a wonderful tool for that, the **generator**: a function with
# `yield` in it. Look at what is printed when.


# %%
def make_tea(cups):
    for cup in range(cups):
        print(f"  (boiling water for cup {cup})")
        yield f"cup {cup}"
    print("  (no tea left)")


tea = make_tea(3)
print("Nothing has been boiled yet.")
print("I get", next(tea))
print("I drink it and read a book.")
print("I get", next(tea))

# %% [markdown]
# `make_tea(3)` does not run the function; it gives back a generator. Each `next` runs it up to the next `yield`, hands
# out the value, and lets it sleep there. A `for` loop calls `next` until the function ends:

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
# ### Task 3: batches (15 points)
#
# Fill in `DataLoader.__iter__`. The text in it lists the steps. Leave shuffling aside for now: begin with the order
# $0, 1, 2, \dots, N-1$.
#
# - in: nothing but the loader
# - out: a generator of batches, each made by `combine_samples`
#
# Mind the last batch: without `drop_last` it may be smaller, with `drop_last` it is left out *if* it is smaller. And
# where the sizes come out even, no empty batch follows. Two loops may also go on side by side: each has its own place.

# %% role="checks" grade_id="dataloader_batches" points=15
check("dataloader_batches")

# %% [markdown]
# A look at the result: the shapes of all batches of a small dataset, and a proof that your loader is lazy. `Talking`
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
# First nothing but birds, then nothing but cars. The network would learn "everything is a bird", forget it, and learn
# "everything is a car". Batches should look like the whole dataset: a random mix of everything.
#
# So the loader shuffles the *indices* before it cuts them into batches. Every sample shall still come exactly
# once in an epoch, which is what a **permutation** is. And each epoch gets a new one, so that the network does not
# meet the same neighbours again and again.
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
# ### Task 4: shuffle (10 points)
#
# Extend `DataLoader.__iter__`: with `self.shuffle` the order of the indices is a new random permutation in each
# epoch, of the whole dataset: with `drop_last` other samples are left out each time. Draw it from `self.rng`, the
# generator that `__init__` has made from the seed. Each loader has its own, so that another loader in between changes
# nothing.
#
# To find the method, look at `help(np.random.Generator)` or type `np.random.default_rng().` and press the tab key.

# %% role="checks" grade_id="dataloader_shuffle" points=10
check("dataloader_shuffle")

# %% [markdown]
# A look at the result: four epochs of a shuffled loader. Each row holds each number once.


# %%
class Numbers:
    def __len__(self):
        return 20

    def __getitem__(self, index):
        return {"label": index}


loader = DataLoader(Numbers(), batch_size=5, shuffle=True, seed=0)
show_orders([np.concatenate(labels_of(loader)) for _ in range(4)], batch_size=5)

# %% [markdown]
# And these are the batches of our images now:

# %%
shuffled = DataLoader(dataset, batch_size, shuffle=True, seed=0)
show_classes_of_batches(labels_of(shuffled), dataset.classes, "shuffled")

# %% [markdown]
# **Think.** You throw a die for each place in an epoch: `rng.integers(0, N, N)` draws $N$ random indices. How many of
# the samples does an epoch miss then, if $N$ is large? Guess, then run the cell.

# %%
N = 10_000
drawn = np.random.default_rng(0).integers(0, N, N)
print(f"missed: {1 - len(np.unique(drawn)) / N:.1%}, and 1/e is {np.exp(-1):.1%}")

# %% [markdown]
# <details><summary>Why 1/e?</summary>
#
# A given sample is missed by one draw with probability $1 - 1/N$, and by all $N$ draws with $(1 - 1/N)^N$, which
# goes to $1/e \approx 37\,\%$ as $N$ grows.
# </details>

# %% [markdown]
# ## 5. The whole pipeline
#
# Files, dataset, transforms, loader: this is all that stands between a folder of images and a network.

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
# Mean 0 and standard deviation 1 hold for all training images together; a batch comes close. Here are the first images of this batch,
# with the transforms undone for our eyes:

# %%
names = [train_set.classes[label] for label in batch["label"][:20]]
show_images(batch["image"][:20] * std + mean, names, columns=10, size=1.1)

# %% [markdown]
# How long does an epoch take, without any network? This is the time that the loader costs in training.


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

# %% [markdown] role="written" grade_id="written_shuffle" points=5
# ### Task 5: one shuffle or many? (5 points)
#
# A classmate has an idea: shuffle the files once, save their order, and use the same order in every epoch. "Then
# the classes are mixed, and I save the time for shuffling." Answer in three to five sentences:
#
# Which problem of the sorted folder does this solve? What is still worse than with a new order in each epoch? And
# should the images on which a trained network is *tested* be shuffled, too?
#
# ### BEGIN SOLUTION
# One shuffle solves the main problem: a batch holds a mix of classes, so its gradient points roughly where the
# gradient of the whole dataset would, and the network does not learn one class and forget the one before.
#
# But the same samples always form the same batch, in the same sequence. The noise in each batch's gradient repeats
# itself in each epoch instead of averaging out, and the network can fit peculiarities of these fixed batches. With
# drop_last the same samples are left out forever. (The time for a permutation is negligible.)
#
# For testing the order does not matter: the network does not change, and the average over all images is the same in
# any order. So one does not shuffle, and can compare the predictions image by image.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 2 points: solves that batches (or stretches of training) consist of one class; says why that is bad (forgetting,
#   gradient of a batch does not represent the dataset). 1 point without a reason.
# - 2 points: one drawback of a fixed order with a reason: identical batches in every epoch, so that their errors
#   repeat instead of averaging out, or the same samples are always dropped. 1 point without a reason.
# - 1 point: no shuffling needed for testing, as the result does not depend on the order.
# ### END MARKING GUIDE

# %% [markdown]
# ## Hand in
#
# This packs your notebooks and modules into a zip, runs the checks on what is inside, and tells you if something is
# missing. Save this notebook before you run the cell. You can hand in as often as you like until the deadline.

# %%
submit("ex03_dataloader")

# %% [markdown]
# ## What you learned
#
# - A batch is a stack of samples; its size is a compromise between speed, noise and memory.
# - A generator makes values when they are asked for. With `__iter__` as a generator, each loop is a new epoch.
# - $N$ samples make $\lceil N/B \rceil$ batches, or $\lfloor N/B \rfloor$ if the small one is dropped.
# - Shuffling is a new permutation of the indices in each epoch, from a generator with a seed.
#
# **Next:** in exercise 4 this data trains your first models, and a *solver* that walks downhill. If you are curious
# how PyTorch does what you have just built, and reads images in several processes at once, open
# `3_torch_transforms.ipynb` (optional, no points).
