# %% [markdown]
# # Exercise 9: a network that finds the keypoints of a face
#
# **What you will build:** a convolutional neural network (CNN) that looks at a grey picture of a face and says where
# its eyes, brows, nose and mouth are: 15 points, 30 numbers. You write its loss, its training step and the
# network itself, train it, and hand it in.
#
# **Time:** about two and a half hours, of which your computer trains for ten minutes or so.
# **To pass:** 75 of 100 points.
#
# **What you need:** PyTorch's tensors, `nn.Module` and autograd (exercise 7). Convolutions are explained here.
#
# **Where you write code:** in two files, [training.py](../../exercise_code/ex09_keypoints/training.py) and
# [model.py](../../exercise_code/ex09_keypoints/model.py). Open them beside this notebook.
#
# | task | what you fill in | file | check | points |
# |---|---|---|---|---|
# | 1 | `normalize_keypoints`, `denormalize_keypoints` | `training.py` | `keypoints_scaling` | 8 |
# | 2 | `keypoint_loss` | `training.py` | `keypoints_loss` | 8 |
# | 3 | `KeypointModel` | `model.py` | `keypoints_model` | 10 |
# | 4 | `train_step` | `training.py` | `keypoints_training` | 10 |
# | 5 | `flip_faces` | `training.py` | `keypoints_flip` | 8 |
# | 6 | `predict_keypoints` | `training.py` | `keypoints_predict` | 6 |
# | 7 | a trained model, worth points in three steps | this notebook | `keypoints_score` | 40 |
# | 8, 9 | written answers | this notebook | | 10 |
#
# The dots under each task say how hard it is, from ●○○ to ●●●. Tasks 3 to 6 have hints that unfold one by one.
# Questions marked **Think** earn no points: decide on an answer before you unfold ours.

# %% [markdown]
# Run this cell first. Its first two lines make sure that the notebook always uses your files as they are on disk.

# %%
# %load_ext autoreload
# %autoreload 3
# %matplotlib inline

import torch
from torch import nn
from torch.utils.data import TensorDataset

from exercise_code import check, evaluate_model, get_device, load_dataset
from exercise_code import load_model, save_model, seed_everything, submit
from exercise_code.common.models import count_parameters
from exercise_code.common.plotting import show_images, show_keypoints
from exercise_code.common.training import cosine, train
from exercise_code.ex09_keypoints.augmentation import change_light, move_faces
from exercise_code.ex09_keypoints.dummy import MeanFaceModel
from exercise_code.ex09_keypoints.model import HPARAMS, KeypointModel
from exercise_code.ex09_keypoints.pictures import (
    show_curves_to_diagnose,
    show_distances,
    show_kernel_at,
    show_max_pooling,
    show_numbered_face,
    show_numbers_after_a_flip,
    show_sizes,
    show_three_layers,
    show_widths,
)
from exercise_code.ex09_keypoints.training import (
    denormalize_keypoints,
    flip_faces,
    keypoint_loss,
    normalize_keypoints,
    predict_keypoints,
    train_step,
)

seed_everything(9)
device = get_device("auto")
print("training on:", device)

# %% [markdown]
# ## Why keypoints?
#
# A filter that puts sunglasses on you in a video call must know where your eyes are, thirty times a second. A phone
# that unlocks when it sees you turns your face upright before it compares. Both begin with **keypoints**.
#
# So far our networks answered *which class?* Now the answer is *where?*, a list of coordinates. That is **regression**:
# the network's outputs are the numbers themselves, and a small error is better than a large one.
#
# ## The data
#
# There are two kinds of faces in the same form: drawn ones (`embedded`) and photographs (`real`). A network that has
# only seen one kind is lost on the other, so train on the kind that the grader uses. **The grader uses drawn faces,
# unless your instructor has announced photographs.** The first lines that this cell prints say which kind you have.

# %%
train_faces = load_dataset("facial_keypoints", split="train")
val_faces = load_dataset("facial_keypoints", split="val")

print("pictures: ", train_faces.images.shape, train_faces.images.dtype)
print("keypoints:", train_faces.keypoints.shape, train_faces.keypoints.dtype)

# %% [markdown]
# You should see 2,000 faces for training and 400 for validation. If it is the wrong kind, add a cell above with
# `import os; os.environ["DATASETS_SOURCE"] = "embedded"` (or `"real"`), and run both: the checks then use the same kind.
#
# A picture is 1×96×96: one channel (grey), 96 rows, 96 columns. Its 15 keypoints are 30 numbers, in pixels,
# *x before y*: $(x_0, y_0, x_1, y_1, \dots, x_{14}, y_{14})$. x counts from the left, y from the top. Here is one
# face with the numbers of its keypoints and the coordinates of its corners.

# %%
show_numbered_face(train_faces.images[4], train_faces.keypoints[4])

# %% [markdown]
# *Left* means the person's left: the left eye, number 0, is on the right of the picture. Number 7 is the outer
# end of the left eyebrow. Its coordinates are numbers 14 and 15 of the list, because each keypoint takes two places:

# %%
x, y = train_faces.keypoints[4, 14], train_faces.keypoints[4, 15]
print(f"keypoint 7 of this face: x = {x:.1f}, y = {y:.1f}")

# %% [markdown]
# Twelve more faces. Some heads are turned, some faces are partly covered, and a covered point is still to be found.

# %%
show_keypoints(
    train_faces.images[:12], train_faces.keypoints[:12], in_pixels=True, alt="Twelve faces with their 15 true keypoints"
)

# %% [markdown]
# ## A scale that suits a network
#
# Pixels are clumsy numbers for a network: its weights start small, so its first answers are close to 0, and 96 is far
# away. We measure from the middle of the picture instead, in halves of its width:
#
# $$ y = \frac{x - 48}{48} $$
#
# The left edge becomes −1, the middle 0 and the right edge 1; top and bottom work the same way. One number by hand:
# a point at 72 pixels becomes (72 − 48) / 48 = 0.5, half way between the middle and the edge.

# %% [markdown]
# ## Task 1: scale the keypoints (8 points)
#
# ●○○ · about 10 minutes · [training.py](../../exercise_code/ex09_keypoints/training.py)
#
# Write `normalize_keypoints` (from pixels to scaled coordinates) and `denormalize_keypoints` (back to pixels).
#
# - **in:** a float tensor of any shape; it stays as it is
# - **out:** a new float tensor of the same shape

# %% role="checks" grade_id="keypoints_scaling" points=8
check("keypoints_scaling")

# %% [markdown]
# With your function we make the datasets for training and validation: pictures as numbers from 0 to 1, keypoints as
# numbers between about −1 and 1.


# %%
def as_dataset(faces):
    images = torch.from_numpy(faces.images).float() / 255
    return TensorDataset(images, normalize_keypoints(torch.from_numpy(faces.keypoints)))


train_data, val_data = as_dataset(train_faces), as_dataset(val_faces)

image, keypoints = train_data[0]
print("one sample:", tuple(image.shape), "and", tuple(keypoints.shape))
print(f"its keypoints lie between {keypoints.min():.2f} and {keypoints.max():.2f}")

# %% [markdown]
# You should see (1, 96, 96) and (30,), and keypoints inside −1 to 1. If they reach 2 or more, look at Task 1 again.
#
# ## How wrong is a prediction?
#
# The **mean squared error** takes the difference in each coordinate, squares it, and takes the mean over all 30
# coordinates of all $N$ samples:
#
# $$ L = \frac{1}{30\,N} \sum_{i=1}^{N} \sum_{j=1}^{30} \left( \hat{y}_{ij} - y_{ij} \right)^2 $$
#
# The square makes one point that is far off more expensive than many that are slightly off. A small example with three
# coordinates:

# %%
predicted = torch.tensor([0.1, -0.2, 0.5])
true = torch.tensor([0.1, 0.0, 0.1])

print("differences:", predicted - true)
print("squares:    ", (predicted - true) ** 2)
print("their mean:  (0.00 + 0.04 + 0.16) / 3 =", round((0.0 + 0.04 + 0.16) / 3, 4))

# %% [markdown]
# ## Task 2: the loss (8 points)
#
# ●○○ · about 5 minutes · [training.py](../../exercise_code/ex09_keypoints/training.py)
#
# Write `keypoint_loss`. Stay with torch's operations, so that autograd can follow what you compute.
#
# - **in:** `predictions` and `targets`, float tensors of shape (N, 30)
# - **out:** a float tensor with a single number

# %% role="checks" grade_id="keypoints_loss" points=8
check("keypoints_loss")

# %% [markdown]
# ### From a loss to a score
#
# Losses such as 0.0043 are hard to talk about, so this exercise states a **score**. The lower the loss, the higher
# the score:
#
# $$ \text{score} = \frac{1}{2L} $$
#
# What does a score mean on the picture? The square root of $L$ is a typical error of a coordinate, and one unit is 48
# pixels. By hand for a score of 50: $L = 1 / 100 = 0.01$, its root is 0.1, and 0.1 · 48 = 4.8 pixels.

# %%
for score in [20, 50, 100, 200, 400]:
    loss = 1 / (2 * score)
    print(f"score {score:3}:  loss {loss:.5f},  typical error {48 * loss**0.5:.1f} pixels")

# %% [markdown]
# ### A model that does not look
#
# Before we build anything clever we want to know what we get for nothing. `MeanFaceModel` in
# [dummy.py](../../exercise_code/ex09_keypoints/dummy.py) computes the mean of all keypoints in the training set and
# answers just that, whatever the picture shows. Every network must beat it.

# %%
dummy = MeanFaceModel(train_data.tensors[1])
dummy_score = evaluate_model(dummy, val_data, metric="keypoint_score")
print(f"score of the mean face: {dummy_score:.1f}")

images, keypoints = val_data[:6]
show_keypoints(images, keypoints, dummy(images), alt="Six faces with their true keypoints, and the mean face on each")

# %% [markdown]
# You should see about 23 on drawn faces, 64 on photographs. If not, your loss or your scale differs from ours: run the
# checks of Tasks 1 and 2 again. The orange face is always the same. Where heads are turned or off the middle, it misses.
#
# ## What a convolution computes
#
# In a linear layer every output has a weight for each of the 9,216 pixels. A **convolution** has one small **kernel**,
# here 3×3 numbers, which moves over the picture. At each place it multiplies each pixel in its window by the kernel's
# number there and adds the nine products up. This kernel answers strongly where dark and bright lie side by side. The
# window is on the person's left eyebrow; its upper left pixel is in row 40 and column 60, and so is the answer:

# %%
SIDEWAYS = [[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]
DOWNWARDS = [[-1.0, -2.0, -1.0], [0.0, 0.0, 0.0], [1.0, 2.0, 1.0]]
SPOTS = [[-1.0, -1.0, -1.0], [-1.0, 8.0, -1.0], [-1.0, -1.0, -1.0]]

face = train_data[4][0]
show_kernel_at(face, SIDEWAYS, row=40, column=60)

# %% [markdown]
# (The products with 0 are left out of the sum.) The answers of a kernel form a picture again, a **channel**. Three
# kernels give three channels. Nobody had to train these three:

# %%
kernels = torch.tensor([SIDEWAYS, DOWNWARDS, SPOTS])
answers = nn.functional.conv2d(face[None], kernels[:, None])[0].abs()
bright = answers / answers.amax(dim=(1, 2), keepdim=True)

titles = ["the picture", "changes from left to right", "changes from top to bottom", "spots"]
show_images(torch.cat([face[:, 1:-1, 1:-1], bright**0.7]), titles, columns=4, size=2.3)

# %% [markdown]
# In a network the kernels' numbers are parameters: training finds them. The next convolution looks for patterns *of*
# patterns: edges become lids and lips, lids become eyes.
#
# ### How large is the answer?
#
# For an input of width $W$, kernel size $K$, padding $P$ (zeros added on each side) and stride $S$ (how far the kernel
# moves each time), a convolution or a pooling layer gives the width
#
# $$ W' = \left\lfloor \frac{W + 2P - K}{S} \right\rfloor + 1 $$
#
# By hand for $W = 8$, $K = 3$, $P = 1$, $S = 2$: $\lfloor (8 + 2 - 3) / 2 \rfloor + 1 = \lfloor 3.5 \rfloor + 1 = 4$.
# Drawn, for one row of pixels p1 to p8:

# %%
show_widths(width=8, kernel=3, padding=1, stride=2)

# %% [markdown]
# ### Four more layers
#
# - **Max pooling** keeps the largest number of each 2×2 block, so height and width are halved.
# - **ReLU** replaces negative numbers by 0. Without it, several layers in a row could do no more than one.
# - **Batch normalisation** shifts and scales each channel to mean 0 and standard deviation 1 over the batch, then by two
#   numbers that it learns; training becomes faster and more stable. By hand: a channel that holds 1 and 3 has the mean 2
#   and the standard deviation 1, and becomes −1 and 1.
# - **Dropout** sets randomly chosen numbers to 0 while the network trains, and scales up the others, so that the network
#   cannot rely on any single one.

# %%
show_max_pooling([[1, 3, 0, 2], [5, 4, 1, 1], [0, 2, 7, 6], [1, 0, 3, 8]])

# %%
show_three_layers()

# %% [markdown]
# ### One picture on its way through a few layers
#
# The third layer by hand: its input is 48 wide, and (48 + 0 − 5) / 1 + 1 = 44. And the parameters of the first one: 8
# kernels with 3 · 3 weights each, and 8 biases, 80 together.

# %%
layers = [
    nn.Conv2d(1, 8, kernel_size=3, padding=1),
    nn.MaxPool2d(2),
    nn.Conv2d(8, 16, kernel_size=5),
    nn.Conv2d(16, 32, kernel_size=3, stride=2, padding=1),
    nn.Flatten(),
    nn.Linear(32 * 22 * 22, 30),
]
x = face[None]
shapes = [("picture", tuple(x.shape[1:]))]
for layer in layers:
    x = layer(x)
    shapes.append((type(layer).__name__, tuple(x.shape[1:])))
    print(f"{type(layer).__name__:10} gives {tuple(x.shape)!s:16}  {count_parameters(layer):9,} parameters")

show_sizes(shapes)

# %% [markdown]
# Nearly all parameters are in the linear layer: 15,488 numbers come in. The smaller the picture is before `Flatten`, the
# fewer there are.
#
# > **Think.** Many networks that name the object in a picture end differently: they average each channel over all places
# > and feed only the averages to the last layer. Would that suit our task?
#
# <details><summary>Open this when you have an answer.</summary>
#
# Hardly. An average says *that* an eye was found, and no longer *where*, and where is what we are asked for. A linear
# layer behind `Flatten` has a weight of its own for each place.
#
# </details>
#
# ### The smallest network
#
# A network is a class. `__init__` makes the layers and keeps them as attributes, `forward` says what happens to a batch.
# This one has a single layer, for which we choose the numbers ourselves:


# %%
class Smallest(nn.Module):
    def __init__(self, hparams):
        super().__init__()
        self.layer = nn.Linear(hparams["num_inputs"], 1)

    def forward(self, x):
        return self.layer(x)


smallest = Smallest({"num_inputs": 2})
with torch.no_grad():
    smallest.layer.weight.copy_(torch.tensor([[2.0, -1.0]]))
    smallest.layer.bias.fill_(0.5)

batch = torch.tensor([[3.0, 1.0], [0.0, 4.0]])
print("in: ", tuple(batch.shape), batch.tolist())
print("out:", tuple(smallest(batch).shape), smallest(batch).tolist())
print("by hand: 2·3 − 1·1 + 0.5 = 5.5 and 2·0 − 1·4 + 0.5 = −3.5")
print("its parameters:", [name for name, _ in smallest.named_parameters()])

# %% [markdown]
# The last line is what an optimizer gets to see. A layer in a plain Python list, `self.layers = [nn.Linear(2, 1)]`, would be
# missing there and would never learn. `nn.Sequential` and `nn.ModuleList` hold several layers and pass their parameters on.

# %% [markdown]
# ## Task 3: the network (10 points)
#
# ●●○ · about 25 minutes · [model.py](../../exercise_code/ex09_keypoints/model.py)
#
# Write `KeypointModel`: its layers in `__init__`, what happens to a batch in `forward`. Take the sizes from the
# dictionary `hparams`. A first version, `HPARAMS`, is at the top of the file.
#
# - **in:** pictures, float32 of shape (B, 1, 96, 96) with values from 0 to 1, for any batch size B
# - **out:** scaled coordinates, float32 of shape (B, 30)
#
# Start with four blocks of convolution, batch normalisation, ReLU and max pooling, one for each entry of
# `hparams["channels"]`. Then `nn.Flatten` and two linear layers with a ReLU between them. You can improve it when
# everything works.
#
# <details><summary>Hint 1: where to look</summary>
#
# `Smallest` has the form, the cell before it a list of layers. The docstring in `model.py` lists the sizes.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# A loop over the channels makes the blocks: what comes out of one block goes into the next. Keep two numbers up to date, the
# channels and the width of the picture. The first linear layer takes channels · width · width numbers.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# Collect the layers of each block in a list, then unpack the list into one `nn.Sequential(...)` and keep that as an
# attribute. With a convolution that keeps the width and four poolings the picture is 6×6 at the end.
#
# </details>

# %% role="checks" grade_id="keypoints_model" points=10
check("keypoints_model")

# %%
model = KeypointModel(HPARAMS)
print(model)
print(f"{count_parameters(model):,} parameters, at most 5,000,000 are allowed")

# %% [markdown]
# A network of this kind has a few hundred thousand parameters. If yours has millions, look at the first linear layer.
#
# ## One step of training
#
# Training repeats one step:
#
# 1. forget the gradients of the last step,
# 2. let the model predict, and compute the loss,
# 3. compute the gradient of the loss with respect to each parameter,
# 4. let the optimizer move each parameter a little against its gradient.
#
# Here it is for a model with one parameter $w = 3$ and the loss $w^2$. By hand: the gradient is $2w = 6$, and with a
# learning rate of 0.1 the parameter becomes $3 - 0.1 \cdot 6 = 2.4$. The example also shows why the first point matters:
# PyTorch *adds* new gradients to old ones.

# %%
w = torch.tensor(3.0, requires_grad=True)

(w**2).backward()
print("the gradient:", w.grad.item())
(w**2).backward()
print("computed once more, and not forgotten in between:", w.grad.item())

w.grad = None
(w**2).backward()
torch.optim.SGD([w], lr=0.1).step()
print(f"forgotten, computed, one step: w = {w.item():.1f}")

# %% [markdown]
# ## Task 4: one step of training (10 points)
#
# ●●○ · about 10 minutes · [training.py](../../exercise_code/ex09_keypoints/training.py)
#
# Write `train_step`. It does the four things above for one batch, with your `keypoint_loss`.
#
# - **in:** `model`; `images`, float32 (B, 1, 96, 96); `keypoints`, float32 (B, 30), scaled; `optimizer`, which holds
#   the model's parameters
# - **out:** the loss of the batch before the step, a Python `float`
#
# <details><summary>Hint 1: where to look</summary>
#
# The four points above are four lines, in this order. The methods that you need belong to the optimizer and to the loss.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Gradients live in the parameters. The optimizer knows the parameters, so it can empty their gradients and apply them. What
# fills them is the loss.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# The optimizer has a method that sets gradients to zero and one that takes a step; the loss has the method that you saw
# above on `w**2`. `tensor.item()` makes a Python number of a tensor that holds one.
#
# </details>

# %% role="checks" grade_id="keypoints_training" points=10
check("keypoints_training")

# %% [markdown]
# ### The first test of any network: learn eight faces by heart
#
# Before you train for minutes, train for seconds. A network that cannot even memorise eight samples has a bug. To have
# something to compare with, the cell first prints the loss of always answering the mean of these eight faces.

# %%
seed_everything(9)
images, keypoints = train_data[:8]
model = KeypointModel(HPARAMS)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)

print(f"always their mean: {keypoint_loss(keypoints.mean(dim=0).expand_as(keypoints), keypoints):.5f}")
for step in range(101):
    loss = train_step(model, images, keypoints, optimizer)
    if step % 20 == 0:
        print(f"step {step:3}: loss {loss:.5f}")

# %% [markdown]
# **Expect** a loss below 0.002 at step 100. Three correct networks, all different, reached 0.00002 to 0.0005. If not:
#
# | you see | look at |
# |---|---|
# | it jumps and stays above 0.03 | gradients are not forgotten (0.04 to 0.07 without `zero_grad`) |
# | it stays near the loss of their mean | the output hardly depends on the picture: what does `forward` do with `images`? |
# | it falls slowly and ends near 0.01 | layers in a plain list, which the optimizer does not find: run Task 3's check again |
# | it does not move at all | no step is taken, or the optimizer has another model's parameters |
# | it falls very slowly, or explodes | the learning rate |
#
# So it knows these eight. And faces that it has never seen?

# %%
eight = TensorDataset(images, keypoints)
print(f"score on its eight faces:     {evaluate_model(model, eight, 'keypoint_score'):8.1f}")
print(f"score on the validation set:  {evaluate_model(model, val_data, 'keypoint_score'):8.1f}")

# %% [markdown]
# **Expect** many hundreds on its eight faces and 10 to 20 on the validation set, less than the mean face. If both are low,
# the loss above did not fall far enough.
#
# Learning by heart is not learning. This is **overfitting** in its purest form, and more different faces are the cure.
#
# ## More faces for nothing
#
# New faces are expensive, but a mirror gives us twice as many. In a mirror two things change: the sign of each x, *and
# left and right swap their names*. What was the person's left eye is the right eye of the person in the mirror. If we
# forget that, half of the data teaches the network the opposite of the other half.
#
# By hand: let keypoint 0 (left eye) be at x = 0.3 and keypoint 1 (right eye) at x = −0.5. Mirrored, the points
# are at −0.3 and 0.5. The left eye is now the one at 0.5, so the first place in the list gets 0.5 and the second −0.3.
#
# Columns are reordered by a list of numbers. Place 0 of the result takes what was at place 2, and so on:

# %%
table = torch.tensor([[10, 20, 30], [40, 50, 60]])
print(table[:, [2, 0, 1]])

# %% [markdown]
# ## Task 5: faces in a mirror (8 points)
#
# ●●○ · about 15 minutes · [training.py](../../exercise_code/ex09_keypoints/training.py)
#
# Write `flip_faces`. `FLIP_ORDER` in [faces.py](../../exercise_code/ex09_keypoints/faces.py) says for each place of the
# mirrored list which keypoint moves there: number 1, the right eye, moves to place 0, which is the left eye's.
#
# - **in:** `images`, float32 (B, 1, 96, 96); `keypoints`, float32 (B, 30), scaled; both stay as they are
# - **out:** a tuple of the mirrored images and the mirrored keypoints, new tensors of the same shapes
#
# <details><summary>Hint 1: where to look</summary>
#
# `torch.flip` mirrors a tensor along an axis. The example above reorders columns.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# It is easier with one axis for the 15 points and one for x and y. Reorder along the first of them, change the sign in one
# column of the second, and go back to 30 numbers.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# After a reshape to (B, 15, 2), index the axis of the points with `FLIP_ORDER` as the example indexes its columns. The x
# coordinates are the entries `[..., 0]`. Did you change the caller's keypoints? A reshape alone makes no copy.
#
# </details>

# %% role="checks" grade_id="keypoints_flip" points=8
check("keypoints_flip")

# %% [markdown]
# A look at the result. The numbers show what dots alone would hide: 0, the left eye, is on the right of *both*
# pictures. If 0 is on the left of the second picture, the names have not been swapped.

# %%
images, keypoints = train_data[4:5]
mirrored, mirrored_keypoints = flip_faces(images, keypoints)
both, both_keypoints = torch.cat([images, mirrored]), torch.cat([keypoints, mirrored_keypoints])
show_numbers_after_a_flip(both, both_keypoints, ["a face", "in the mirror"])

# %% [markdown]
# A face may also be somewhere else in the picture, tilted, larger, smaller, brighter or darker.
# [augmentation.py](../../exercise_code/ex09_keypoints/augmentation.py) has functions for that. Together they make a new
# variant of a face each time it is used. Here is one face six times:


# %%
def augment(images, keypoints, generator):
    if torch.rand((), generator=generator) < 0.5:
        images, keypoints = flip_faces(images, keypoints)
    images, keypoints = move_faces(images, keypoints, generator)
    return change_light(images, generator), keypoints


generator = torch.Generator().manual_seed(0)
images, keypoints = (tensor[:1].repeat(6, *[1] * (tensor.ndim - 1)) for tensor in train_data.tensors)
show_keypoints(*augment(images, keypoints, generator), alt="One face in six variants, its keypoints moved with it")

# %% [markdown]
# ## Training
#
# `train` repeats your step over all batches of all epochs. After each epoch it looks at the validation set, draws the
# curves, and remembers the parameters that were best there, so that training too long does no harm. The learning rate
# follows a cosine from its highest value down to 0: large steps first, fine ones at the end.
#
# The cell takes a few minutes. To stop earlier, interrupt the kernel: the best parameters so far are kept.

# %%
NUM_EPOCHS = 30
BATCH_SIZE = 32
LEARNING_RATE = 2e-3
MAX_SECONDS = 180

# %%
seed_everything(9)
model = KeypointModel(HPARAMS).to(device)

history = train(
    model,
    train_data,
    val_data,
    loss=keypoint_loss,
    step=train_step,
    optimizer=torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE),
    metric="keypoint_score",
    num_epochs=NUM_EPOCHS,
    batch_size=BATCH_SIZE,
    schedule=cosine,
    augment=augment,
    max_seconds=MAX_SECONDS,
    seed=9,
)
print(
    f"{len(history.train_loss)} of {NUM_EPOCHS} epochs in {history.seconds:.0f} s; best was epoch {history.best_epoch}"
)
print("why it stopped:", history.stopped)

# %% [markdown]
# The score on the validation set, computed once more from the parameters that were kept:

# %%
print(f"mean face:  {dummy_score:6.1f}")
print(f"your model: {evaluate_model(model, val_data, metric='keypoint_score'):6.1f}")

# %% [markdown]
# **Expect** about 90 after 5 epochs, 160 after 10 and 350 after 30 on drawn faces; that is what the four blocks of Task 3
# reached in a run that went through all its epochs. On one core an epoch took 11 seconds. If not:
#
# - It stopped because the seconds were over, long before the last epoch: raise `MAX_SECONDS`, or make the network faster:
#   a convolution with stride 2 halves the picture by itself, with a quarter of the work, and needs no pooling (2.5
#   seconds an epoch instead of 11, and 323 after 30 epochs).
# - The score stays near that of the mean face: run the test with eight faces again.
# - It is well above the mean face and below 100: improve the network, as follows.
#
# What usually helps, in this order. Change one thing at a time and write down what it gave.
#
# 1. Batch normalisation after each convolution, if you have left it out. In one run each, another network scored
#    37.8 without it and 108.3 with it.
# 2. More epochs, and a larger `MAX_SECONDS`.
# 3. More channels, or one more block.
# 4. A learning rate that is twice or half as large.
# 5. Weaker or stronger augmentation.
#
# ### Think: what is wrong with this curve?
#
# Three runs that went wrong, each in its own way. What do you see, what is the cause, and what would you change?

# %%
show_curves_to_diagnose()

# %% [markdown]
# <details><summary>A: open this when you have an answer.</summary>
#
# The loss begins at 15,900, falls, and then jumps about just above the mean face, on both sets. The learning rate is
# too high (it was 0.1): each step overshoots, and the network forgets what it knew. Divide it by ten until the curve is
# smooth, and see whether it then goes lower.
#
# </details>
# <details><summary>B: open this when you have an answer.</summary>
#
# The training loss goes on falling, the validation loss has not moved since epoch 10, and the gap between them grows to
# a factor of fifteen. This is overfitting: the network learns its 200 faces by heart. More faces, augmentation, dropout
# or a smaller network help; more epochs do not.
#
# </details>
# <details><summary>C: open this when you have an answer.</summary>
#
# Nothing moves, not even by chance. The parameters do not change: here the optimizer had been made for another model,
# an earlier one in the notebook. The same curve appears when `optimizer.step()` is missing. Look at the code, not at
# the learning rate: with one that is too low, the curve would still fall a little.
#
# </details>
#
# > **Think.** In your own curve the validation loss may lie *below* the training loss. Is that a mistake?
#
# <details><summary>Open this when you have an answer.</summary>
#
# No. The training faces are moved, tilted and lit differently each time, and dropout is at work: they are harder than the
# validation faces. The training loss is also a mean over the epoch, during which the network was still getting better.
#
# </details>
#
# ## What does it see?
#
# A score is one number. Pictures show what kind of errors the model makes. For that we want its predictions in
# pixels, made the way a finished model is used: in **eval mode**, in which dropout does nothing and batch normalisation
# uses the statistics it has collected, and without gradients. A layer of dropout in both modes:

# %%
dropout = nn.Dropout(0.5)
print("training mode:", dropout.train()(torch.ones(8)).tolist())
print("eval mode:    ", dropout.eval()(torch.ones(8)).tolist())

# %% [markdown]
# ## Task 6: predictions in pixels (6 points)
#
# ●●○ · about 10 minutes · [training.py](../../exercise_code/ex09_keypoints/training.py)
#
# Write `predict_keypoints`. A model that comes in training mode must leave in training mode, and one that comes in eval
# mode must leave in eval mode.
#
# - **in:** `model`; `images`, float32 (B, 1, 96, 96)
# - **out:** keypoints in pixels, float32 (B, 15, 2), without gradients
#
# <details><summary>Hint 1: where to look</summary>
#
# A model says in `model.training` in which mode it is. Task 1 wrote the way back to pixels.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Remember the mode, switch to eval mode, predict without gradients, put the mode back, and only then convert the answer.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `model.train(...)` takes a bool, so it can put back either mode. `torch.no_grad()` belongs into a `with` statement. The shape
# (B, 15, 2) holds the same 30 numbers in the same order: a reshape is enough, also for B = 1.
#
# </details>

# %% role="checks" grade_id="keypoints_predict" points=6
check("keypoints_predict")

# %%
images, keypoints = (tensor.to(device) for tensor in val_data.tensors)
predicted = predict_keypoints(model, images)
errors = (predicted - denormalize_keypoints(keypoints).reshape(-1, 15, 2)).norm(dim=2)

show_distances(errors.mean(dim=0).tolist())

# %% [markdown]
# **Expect** distances of 2 to 4 pixels for a model that scores 100 to 300. If a single keypoint is far worse than its twin
# on the other side, look at `flip_faces` again.
#
# Now the faces. First the six on which the model is best, then the six on which it is worst. The number is the mean distance
# in pixels.

# %%
distances = errors.mean(dim=1).cpu()
order = distances.argsort()
chosen = torch.cat([order[:6], order[-6:]])
titles = [f"{distance:.1f}" for distance in distances[chosen].tolist()]
true, found = denormalize_keypoints(keypoints).cpu()[chosen], predicted.cpu()[chosen]
show_keypoints(images.cpu()[chosen], true, found, titles, in_pixels=True)

# %% [markdown]
# ## Save the model
#
# `save_model` writes two files into `models/`, beside this notebook: the weights and the hyperparameters. With
# `keep_best` an earlier model stays when it scores higher on that dataset, so that an unlucky run costs you nothing.

# %%
path = save_model(model, "keypoints", HPARAMS, data_source=train_faces.source, keep_best=val_data)
# %% [markdown]
# The grader makes a `KeypointModel` from the saved hyperparameters and fills in the saved weights. So does this cell. When
# you change `model.py`, train and save again.

# %%
saved = load_model("keypoints", KeypointModel)
print(f"score of the saved model: {evaluate_model(saved, val_data, metric='keypoint_score'):.1f}")

# %% [markdown]
# You should see the score from above, or a better one from an earlier run. If there is an error about sizes instead, the
# saved weights belong to another version of `model.py`.

# %% [markdown]
# ## Task 7: a trained model (40 points)
#
# ●●● · about 30 minutes · in this notebook
#
# Most of these minutes are training. Hand in the best model you can get; to improve it, change
# [model.py](../../exercise_code/ex09_keypoints/model.py) and the settings above. The points come in steps:
#
# | step | score on drawn faces | on photographs | points |
# |---|---|---|---|
# | beats the mean face | 30 | 75 | 10 |
# | half way | 60 | 105 | 20 |
# | passes | 100 | 150 | 40 |
#
# - **in:** what `save_model` wrote: at most 5 million parameters, 20 MB, and 120 seconds of computing time for 400 faces,
#   all cores together (`save_model` says what your model takes)
# - **out:** a score, compared after rounding to one decimal
#
# This check uses the validation set and says which step you have reached. The points come from faces that nobody has seen.
# Scores there are a little lower or higher, so leave yourself some room. On drawn faces a score of 250 earns no more
# points, but a star on the leaderboard.

# %% role="checks" grade_id="keypoints_score" points=40
check("keypoints_score")

# %% [markdown] role="written" grade_id="written_convolution" points=5
# ## Task 8: why convolutions? (5 points)
#
# ●●○ · about 10 minutes · answer in this cell
#
# Three to five sentences for each question are enough.
#
# Compare two first layers for our pictures of 9,216 pixels: one fully connected with 64 units, one a 3×3 convolution with
# 64 channels.
#
# 1. How many weights and biases does each of them have?
# 2. A face moves five pixels to the right. What happens to the output of each layer, and what does that mean for
#    the examples from which it must learn what an eye looks like?
#
# ### BEGIN SOLUTION
# 1. The fully connected layer has 9,216 · 64 weights and 64 biases, 589,888 together. The convolution has 3 · 3 · 1 · 64
# weights and 64 biases, 640 together.
#
# 2. The output of the convolution moves five pixels to the right as well (except at the edges), because it uses the same
# kernel everywhere: it is equivariant to shifts. So an eye that it has learned in one place is found in every place. In the
# fully connected layer each pixel has weights of its own. The moved face meets other weights, and the output
# becomes something unrelated. It has to see eyes in every place where they can be, and learns each place anew.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 2 points: both numbers, 589,888 and 640 (1 point for each; a slip in arithmetic with a right formula costs half a
#   point).
# - 1 point: the output of the convolution moves along with the face (equivariance); the other one changes altogether.
# - 1 point: the reason is that the kernel is the same everywhere (shared weights); the other layer has weights for each pixel.
# - 1 point: the consequence: examples in one place are enough for the convolution; the other one needs them for each place.
# - "The output of the convolution stays the same" (invariant instead of equivariant): no point for that part.
# ### END MARKING GUIDE

# %% [markdown] role="written" grade_id="written_validation" points=5
# ## Task 9: which number can you trust? (5 points)
#
# ●●○ · about 10 minutes · answer in this cell
#
# Three to five sentences for each question are enough.
#
# A classmate tries 60 variants of her network. For each she keeps the epoch with the best validation score. She hands in
# the best variant, which scores 231 on the validation set. On the grader's new faces it scores 214. The network was never
# trained on the validation set.
#
# 1. Why was the first number too good all the same? Give two reasons.
# 2. How could she have got an honest estimate before handing in?
#
# ### BEGIN SOLUTION
# 1. She chose the epoch by the validation score, and then the variant by the same score. Each score is the true quality plus
# some luck with these particular 400 faces, and whoever takes the best of many numbers picks luck along with quality.
# With 60 variants times many epochs there is a lot to pick from: she has fitted her choices to the validation set.
#
# 2. An honest estimate needs faces that took no part in any choice: a third part of the data, a test set, used once
# at the very end (or several splits in turn for the choices, cross-validation, and still a test set for the last number).
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 3 points: selection of the epoch (1) and selection among variants (1) by the same data; "luck", "noise" or
#   "overfitting to the validation set" (1).
# - 2 points: a separate test set (1) that is used only once, after all choices (1).
# - "She trained on the validation set": no points for that part; the question rules it out.
# ### END MARKING GUIDE

# %% [markdown]
# ## What you learned
#
# - Regression: the network's outputs are numbers on a scale that suits it, and the loss is the mean squared error.
# - A model that does not look tells you what a score is worth.
# - How to compute what a kernel answers and how large the output of a layer is, and what each kind of layer does.
# - A training step is four lines. Learning a few samples by heart tests all of them at once.
# - Augmentation must change pictures *and* labels, names included.
# - A curve tells you which of several things went wrong.
#
# In the next exercise the network says for *each pixel* what it shows: semantic segmentation.
#
# ## Hand in
#
# Fill in your answers above, save the notebook, and run this cell. It packs the notebook, your two modules and your model
# into a zip, and tries it out the way the grader will.

# %%
submit("ex09_keypoints")

# %% [markdown]
# ## Read on
#
# - [Conv2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html) in PyTorch's documentation: all its options,
#   and the formula for the output size.
# - [Convolutional networks](https://cs231n.github.io/convolutional-networks/), Stanford's notes for CS231n: how people
#   choose the sizes of their layers.
# - [Batch normalization](https://arxiv.org/abs/1502.03167), Ioffe and Szegedy, 2015: the paper.
