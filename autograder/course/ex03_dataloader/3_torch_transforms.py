# %% [markdown]
# # Exercise 3, part 3 (optional): the same in PyTorch
#
# **What you will build:** three transforms as PyTorch's users write them, and a fast loader with worker
# processes.
#
# **Time:** about 45 minutes. There are no points here; the cells that check your code show at once what is
# right.
#
# **What you need:** parts 1 and 2.
#
# **Where you write code:** this time in the cells of this notebook.

# %%
# %load_ext autoreload
# %autoreload 2
# %matplotlib inline

import time

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from exercise_code import load_dataset, seed_everything
from exercise_code.common.plotting import show_images
from exercise_code.ex03_dataloader.image_folder import ImageFolderDataset
from exercise_code.ex03_dataloader.torch_extras import SlowImages, compare, show_workers

seed = seed_everything(3)

# %%
data = load_dataset("cifar10", split="train")
image, label = data.images[0], int(data.labels[0])
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
# What you called `combine_samples` is its argument `collate_fn`. The one it has by default does what yours does, and
# makes *tensors*: arrays that can live on a graphics card and that know how to compute gradients.
#
# One thing is not right yet. PyTorch's layers want images as (channels, height, width), and as floats.

# %% [markdown]
# ### Task 1: `ToTensor`
#
# - in: an array of shape (height, width, 3), dtype `uint8`
# - out: a tensor of shape (3, height, width), dtype `float32`, values from 0 to 1
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
# **Think.** `torch.tensor(image).reshape(3, 32, 32)` has the right shape as well. Why is it wrong? Run the cell and look
# at what `reshape` does to a picture.

# %%
wrong = torch.tensor(image).reshape(3, 32, 32).permute(1, 2, 0).numpy()
show_images(np.stack([image, wrong]), ["permute", "reshape"], size=2)

# %% [markdown]
# ## 2. More images than there are
#
# A dog a little further to the left is still a dog. If we cut a random window out of an image each time it is asked
# for, the network sees a slightly different picture in every epoch, and cannot learn single pixels by heart. This is
# called **data augmentation**, and it costs nothing but the cutting.
#
# A window of $h \times w$ fits into an image of $H \times W$ at $(H - h + 1) \cdot (W - w + 1)$ places:

# %%
H, W, h, w = 32, 32, 24, 24
print((H - h + 1) * (W - w + 1), "different windows from one image")

# %% [markdown]
# ### Task 2: `RandomCrop`
#
# - in: an array of shape (H, W, 3)
# - out: the part of it in a random window, an array of shape (h, w, 3). All places are equally likely, also those at
#   the edges.
#
# Useful: `int(torch.randint(n, ()))` is a random number from 0 to $n - 1$.


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

# %%
crop = RandomCrop((24, 24))
show_images(np.stack([crop(image) for _ in range(8)]), columns=8, size=1.2)

# %% [markdown]
# ### Task 3: `Resize`
#
# Photographs come in all sizes, a batch needs one. (Do not mix it up with `RescaleTransform` of part 1: that one
# changes the values, this one the number of pixels.)
#
# - in: an array of any height and width, dtype `uint8`
# - out: an array of shape (height, width, 3), dtype `uint8`, by bilinear interpolation
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
show_images(resized[None], size=2.4)

# %% [markdown]
# ## 3. A dataset with these transforms
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
# ## 4. Workers
#
# While the network computes, the loader should already prepare the next batches. With `num_workers=2` PyTorch starts
# two more processes; each makes whole batches, and the loader collects them in the right order.
#
# `SlowImages` is a dataset that needs 3 ms for a sample, like a slow disk. We time the second epoch, since starting
# the workers takes a moment, too.

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

# %% [markdown]
# **Think.** The network needs 40 ms for a batch, and one worker needs 100 ms to make one. How many workers does it take
# for the network never to wait?
#
# <details><summary>Open this when you have an answer.</summary>
#
# Three: with $k$ workers a batch is ready every $100/k$ ms, and $100/3 \approx 33 < 40$. With two of them the network
# would wait 10 ms for each batch.
# </details>

# %% [markdown]
# ## What you learned
#
# - PyTorch's `Dataset` and `DataLoader` are what you built in parts 1 and 2.
# - Images for PyTorch have their channels first; `permute` reorders the axes, `reshape` would mix up the pixels.
# - Random crops make more training images out of those you have.
# - Workers hide the time for reading; random numbers in them should be torch's.
