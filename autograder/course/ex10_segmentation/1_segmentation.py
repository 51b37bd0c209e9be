# %% [markdown]
# # Exercise 10: a class for each pixel
#
# **What you will build:** a network that says of every pixel what it belongs to: grass, cow, sky, car and so on, 23 classes. You
# write the loss, the measures, a U-Net, and a head for a pretrained encoder. (An **encoder** is the part of a network that turns an
# image into features, a **head** the part that turns features into the answer.) You train a model and hand it in.
#
# **Time:** about four hours for all tasks, of which your computer trains for ten minutes or so. **To pass:** 70 of 100 points.
#
# **What you need:** convolutions, batch normalisation and pooling (exercise 9), and your `train_step` of exercise 7.
#
# **Where you write code:** in six short files of `exercise_code/ex10_segmentation`; each task links to its own.
#
# | task | what you fill in | file | check | points |
# |---|---|---|---|---|
# | 1 | `normalize_images` | `scenes.py` | `scenes_tensors` | 4 |
# | 2 | `flip_scenes`, `resize_scenes`, `crop_scenes` | `scenes.py` | `scenes_augment` | 9 |
# | 3 | `segmentation_loss` | `losses.py` | `loss_pixels` | 7 |
# | 4 | `class_weights` | `losses.py` | `loss_weights` | 4 |
# | 5 | `image_accuracies`, `confusion_matrix`, `class_iou` | `measures.py` | `measures_scores` | 6 |
# | 6 | `receptive_field` | `layers.py` | `layers_field` | 4 |
# | 7 | `DoubleConv`, `UpBlock` | `layers.py` | `layers_blocks` | 7 |
# | 8 | `UNet`, `SegmentationModel` | `model.py` | `unet_model` | 7 |
# | 9 | `predict_labels` | `measures.py` | `measures_predict` | 4 |
# | 10 | `features_at` | `transfer.py` | `transfer_features` | 3 |
# | 11 | `LRASPPHead.forward` | `layers.py` | `transfer_head` | 4 |
# | 12 | `freeze`, `quiet_norms`, `parameter_groups` | `transfer.py` | `transfer_freeze` | 6 |
# | 13 | a trained model, worth points in three steps | this notebook | `segmentation_score` | 28 |
# | 14, 15 | written answers | this notebook | | 7 |
#
# The dots under each task say how hard it is, from ●○○ to ●●●. Questions marked **Think** earn no points: decide on an answer
# before you unfold ours.

# %%
# %load_ext autoreload
# %autoreload 3
# %matplotlib inline

import time
from functools import partial

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset
from torchvision.models import mobilenet_v2

from exercise_code import check, get_device, load_dataset, load_model, save_model, seed_everything, submit
from exercise_code.common.models import count_parameters
from exercise_code.common.training import cosine, train
from exercise_code.ex07_pytorch.training import train_step
from exercise_code.ex10_segmentation.augmentation import augment_scenes
from exercise_code.ex10_segmentation.encoder import fill_encoder
from exercise_code.ex10_segmentation.layers import LRASPPHead, receptive_field
from exercise_code.ex10_segmentation.losses import class_weights, segmentation_loss
from exercise_code.ex10_segmentation.measures import class_iou, confusion_matrix, image_accuracies, predict_labels
from exercise_code.ex10_segmentation.model import HPARAMS, MOBILENET_HPARAMS, SegmentationModel
from exercise_code.ex10_segmentation.pictures import (
    print_classes,
    show_confusion,
    show_encoder,
    show_field,
    show_label_grids,
    show_predictions,
    show_scenes,
    show_shares,
    show_unet,
)
from exercise_code.ex10_segmentation.scenes import VOID, normalize_images
from exercise_code.ex10_segmentation.transfer import features_at, freeze, parameter_groups

seed_everything(10)
device = get_device("auto")
print("training on:", device)

# %% [markdown]
# ## Why a class for each pixel?
#
# A car has to know *where* the road ends, not only that there is one. A doctor wants the outline of a tumour, not the word. In
# exercise 9 the answer was a list of coordinates. Here it is a picture again: **semantic segmentation** gives a class to each
# pixel.
#
# ## The data
#
# There are two kinds of scenes in the same form: drawn ones (`embedded`) and photographs (`real`, the MSRC data set, version 2).
# **The grader uses drawn scenes, unless your instructor has announced photographs.** The first lines that the next cell prints say
# which kind you have.

# %%
start = time.perf_counter()
train_scenes = load_dataset("segmentation", split="train")
val_scenes = load_dataset("segmentation", split="val")
print(f"loaded in {time.perf_counter() - start:.2f} s")

print("images:", train_scenes.images.shape, train_scenes.images.dtype)
print("labels:", train_scenes.labels.shape, train_scenes.labels.dtype)
print("classes:", ", ".join(f"{number} {name}" for number, name in enumerate(train_scenes.classes)))

# %% [markdown]
# You should see 200 drawn scenes, or 276 photographs. The first time they are drawn or read, which takes some seconds; from then
# on they come from a cache in less than one.
#
# An image has 240×240 pixels of three colours. Its labels have a number for each pixel, 0 to 22. Pixels on seams between things,
# and things of no class, are **void**, −1, drawn in black; they are not scored.

# %%
show_scenes(train_scenes.images[:8], train_scenes.labels[:8])

# %% [markdown]
# In drawn scenes colours mean nothing: a cow may be green. Shape, texture and neighbours have to decide.
#
# ## Images as tensors
#
# Networks like numbers around 0. So we divide by 255, subtract a mean and divide by a standard deviation, each channel by its own:
#
# $$ x = \frac{p / 255 - m}{s} $$
#
# By hand, for a red value of 124 with $m = 0.485$ and $s = 0.229$: $124 / 255 = 0.486$, and $(0.486 - 0.485) / 0.229 = 0.005$.
# Why just these numbers? They belong to ImageNet, the photographs that pretrained networks have learned from. Whoever
# wants to use such a network must feed it what it is used to.
#
# ## Task 1: images as tensors (4 points)
#
# ●○○ · about 10 minutes · [scenes.py](../../exercise_code/ex10_segmentation/scenes.py)
#
# Write `normalize_images`. The grader calls it, too, before it asks your model.
#
# - **in:** `images`, uint8 (N, H, W, 3)
# - **out:** float32 (N, 3, H, W)

# %% role="checks" grade_id="scenes_tensors" points=4
check("scenes_tensors")

# %%
train_images, val_images = normalize_images(train_scenes.images), normalize_images(val_scenes.images)
train_labels = torch.from_numpy(train_scenes.labels.astype(np.int64))
val_labels = torch.from_numpy(val_scenes.labels.astype(np.int64))
print(tuple(train_images.shape), f"mean {train_images.mean():.2f}, standard deviation {train_images.std():.2f}")

# %% [markdown]
# You should see a mean between −0.5 and 0.5 and a standard deviation around 1. If the mean is 500, the division by 255 is missing.
#
# ## More scenes from the same ones
#
# A few hundred images are not many. **Augmentation** makes others of them: mirrored, larger, smaller, moved. In exercise 9 the
# points had to move with the face. Here the labels have to go through *the same* change, pixel for pixel.
#
# One change needs care. Resized images are blends: a new pixel lies between its neighbours. Labels must not be blended. What is
# between grass (1) and cow (3)?

# %%
grass_and_cow = torch.tensor([[1, 1, 3], [1, 3, 3], [1, 1, 3]])
blended = torch.nn.functional.interpolate(grass_and_cow[None, None].float(), size=(6, 6), mode="bilinear")
nearest = torch.nn.functional.interpolate(grass_and_cow[None, None].float(), size=(6, 6), mode="nearest-exact")
grids = [grass_and_cow, blended[0, 0].round().int(), nearest[0, 0].int()]
show_label_grids(grids, ["labels", "blended", "nearest"])

# %% [markdown]
# The framed numbers are 2, trees. There is no tree: it is an average of two names. So images are resized with `bilinear`, labels
# with `nearest-exact`, which takes the label of the nearest pixel.
#
# ## Task 2: change image and labels together (9 points)
#
# ●●○ · about 25 minutes · [scenes.py](../../exercise_code/ex10_segmentation/scenes.py)
#
# Write `flip_scenes`, `resize_scenes` and `crop_scenes`.
#
# - **in:** `images`, float32 (B, 3, H, W), and `labels`, integers (B, H, W)
# - **out:** both, changed in the same way; beyond the image there are zeros, and void
#
# <details><summary>Hint 1: where to look</summary>
#
# `interpolate` is in the cell above, with the two axes that it needs in front. `crop_scenes` has its hints in the docstring.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Make a window that is full of nothing (0 and `VOID`). Find which rows and columns of the image fall into it, and where. Copy
# that rectangle.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# With `first, last = max(top, 0), min(top + height, H)`, rows `first:last` of the image become rows `first - top:last - top` of
# the window. If `first >= last`, there is nothing to copy.
#
# </details>

# %% role="checks" grade_id="scenes_augment" points=9
check("scenes_augment")

# %% [markdown]
# `augment_scenes` in [augmentation.py](../../exercise_code/ex10_segmentation/augmentation.py) draws random changes and makes them
# with your three functions. One scene, four times:

# %%
generator = torch.Generator().manual_seed(3)
copies = train_images[:1].repeat(4, 1, 1, 1), train_labels[:1].repeat(4, 1, 1)
changed, changed_labels = augment_scenes(*copies, generator, smallest=0.6, largest=1.5)
mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
back = (changed.permute(0, 2, 3, 1) * std + mean).clamp(0, 1).numpy()
show_scenes(back, changed_labels, titles=[f"scene 0, copy {number}" for number in range(1, 5)])

# %% [markdown]
# Look at the edges: does each label lie on its thing? If it does not, nothing fails, and nothing is learned either.
#
# ## The loss
#
# For one pixel nothing is new: logits for 23 classes, softmax, cross-entropy $l = -\log p_{\text{true}}$. An image has 57,600 such
# pixels, and the loss is their mean. Only **void must not count**, neither in the sum nor in the number that divides it. By hand,
# for four pixels with the losses 0.2, 1.0, void and 0.6: $(0.2 + 1.0 + 0.6) / 3 = 0.6$.
#
# A class may have a weight $w$, which the next section is about. Then the mean is a weighted one:
#
# $$ L = \frac{\sum_i w_{y_i}\, l_i}{\sum_i w_{y_i}} $$
#
# ## Task 3: the loss (7 points)
#
# ●●○ · about 15 minutes · [losses.py](../../exercise_code/ex10_segmentation/losses.py)
#
# Write `segmentation_loss`. Mind a batch without any labelled pixel: a window that is cut beside a thing may be void all over.
#
# - **in:** `logits`, float32 (B, K, H, W); `labels`, integers (B, H, W); `weights`, float32 (K,) or None
# - **out:** a tensor with a single number; 0 where no pixel is labelled
#
# <details><summary>Hint 1: where to look</summary>
#
# `nn.functional.cross_entropy` takes logits with the classes on axis 1, whatever axes follow.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# `ignore_index` leaves void out. `reduction="mean"` divides 0 by 0 where all is void. Take the sum, and divide yourself.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `labels[labels != VOID]` holds all labels that count. The divisor is how many there are, or the sum of their `weights[...]`.
#
# </details>

# %% role="checks" grade_id="loss_pixels" points=7
check("loss_pixels")

# %% [markdown]
# ## Rare classes
#
# A sky fills half of an image, a bird a hundredth. A network that never says "bird" loses hardly anything. Weights can change
# that. With the share $f$ of a class and a power $a$ between 0 and 1,
#
# $$ w = \frac{f^{-a}}{\sum_k f_k^{1-a}} $$
#
# Shares are of the labelled pixels, and the sum goes over the classes that occur. A class that does not occur has the weight 0.
#
# By hand for two classes with shares 0.9 and 0.1 and $a = 1$: the sum is $1 + 1 = 2$, the weights are $1 / (2 \cdot 0.9) = 0.56$
# and $1 / (2 \cdot 0.1) = 5$. All pixels together: $0.9 \cdot 0.56 = 0.5$ and $0.1 \cdot 5 = 0.5$. Both classes count the same.
#
# ## Task 4: weights for classes (4 points)
#
# ●●○ · about 10 minutes · [losses.py](../../exercise_code/ex10_segmentation/losses.py)
#
# Write `class_weights`.
#
# - **in:** `labels`, integers (N, H, W); `num_classes`; `power`, the $a$ of the formula
# - **out:** float32 (num_classes,), 0 for classes that do not occur
#
# <details><summary>Hint 1: where to look</summary>
#
# `torch.bincount` counts. Void must not be among what it counts.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Shares of the classes that occur; the formula for these; zeros for all others.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `counts > 0` says which classes occur. Used as an index, it picks their counts, and fills their places in a tensor of zeros.
#
# </details>

# %% role="checks" grade_id="loss_weights" points=4
check("loss_weights")

# %%
powers = {f"power {power}": class_weights(train_labels, 23, power) for power in (0.0, 0.5, 1.0)}
show_shares(train_scenes.labels, powers)

# %% [markdown]
# > **Think.** Our score counts right pixels. Will a power of 1 raise it?
#
# <details><summary>Open this when you have an answer.</summary>
#
# Hardly. The score wants common classes right, since most pixels are theirs. With a power of 1 the network gives up pixels of
# grass for pixels of birds: the IoU of rare classes rises, the share of right pixels falls. Weights say what *you* consider
# important; they do not make a network better at everything.
#
# </details>
#
# ## How good is it?
#
# Three measures, each with a question of its own:
#
# - **accuracy of an image:** which share of its labelled pixels is right? Our score is the mean of this over all images.
# - **confusion matrix:** which class was taken for which? Row $i$, column $j$ counts pixels of class $i$ that were called $j$.
# - **intersection over union** (IoU) of a class: how well do the two areas cover each other, the true and the predicted one? Their
#   mean over the classes is the mIoU, in which a bird counts as much as the sky.
#
# By hand: of 10 pixels of cow, 6 were found, and 2 pixels of grass were called cow, too. The intersection is 6, the union is
# $10 + 2 = 12$, the IoU 0.5.
#
# ## Task 5: measures (6 points)
#
# ●●○ · about 15 minutes · [measures.py](../../exercise_code/ex10_segmentation/measures.py)
#
# Write `image_accuracies`, `confusion_matrix` and `class_iou`, all in numpy.
#
# - **in:** `predictions` and `labels`, integers (N, H, W); or a confusion matrix (K, K)
# - **out:** float64 (N,); int64 (K, K); float64 (K,)
#
# <details><summary>Hint 1: where to look</summary>
#
# `labels != VOID` is a mask, and `predictions[mask]` picks what counts.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Each pair (true, predicted) has one number, `true * num_classes + predicted`. Count these numbers, and reshape the counts.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `np.bincount(..., minlength=num_classes**2)` has a place for each pair, also for those that do not occur. Labels are int8: 22 · 23
# is too large for that.
#
# </details>

# %% role="checks" grade_id="measures_scores" points=6
check("measures_scores")

# %% [markdown]
# ### What we get for nothing
#
# Before we build anything clever: the commonest class of the training set, everywhere.

# %%
counts = torch.bincount(train_labels[train_labels != VOID], minlength=23)
commonest = int(counts.argmax())
everywhere = np.full(val_scenes.labels.shape, commonest, dtype=np.uint8)
baseline = image_accuracies(everywhere, val_scenes.labels).mean()
print(f"{train_scenes.classes[commonest]} everywhere: accuracy {baseline:.3f}")

# %% [markdown]
# You should see about 0.2. Every network must beat it.
#
# ## How far does a network see?
#
# A grey pixel says nothing. Is it road, sheep or sky? What decides is around it, and a network must *see* it. The part of the
# image that one number depends on is its **receptive field**.
#
# A 3×3 convolution sees 3 pixels across. A second one sees 3 numbers, each of which saw 3 pixels: together 5. With a stride of 2,
# neighbours lie two pixels apart, and all that follows looks twice as far. **Dilation** leaves gaps between the numbers that a
# kernel reads.
#
# Two numbers describe this. The **field** is how many image pixels across one number sees. The **step** is how many image pixels lie
# from one number of a layer to its neighbour. Both are 1 for the image itself. Then, layer after layer:
#
# - the field grows by (kernel − 1) · dilation · step, with the step from before the layer;
# - the step is multiplied by the stride.

# %%
show_field([(3, 1, 1), (3, 2, 1), (3, 1, 1)])

# %% [markdown]
# By hand, with field and step 1 at first. Kernel 3: the field grows by $2 \cdot 1$ to 3. Kernel 3 with stride 2: by $2 \cdot 1$ to
# 5, then the step becomes 2. Kernel 3: by $2 \cdot 2$ to 9. Count the orange pixels at the bottom. If the last kernel had a dilation
# of 3, its three numbers would lie $3 \cdot 2$ pixels apart, and the field would grow by $2 \cdot 3 \cdot 2$ to 17.
#
# ## Task 6: the receptive field (4 points)
#
# ●○○ · about 10 minutes · [layers.py](../../exercise_code/ex10_segmentation/layers.py)
#
# Write `receptive_field`.
#
# - **in:** `layers`, a list of (kernel, stride, dilation)
# - **out:** a tuple of two ints, field and step

# %% role="checks" grade_id="layers_field" points=4
check("layers_field")

# %%
twice, pool = [(3, 1, 1), (3, 1, 1)], [(2, 2, 1)]
print("ten convolutions:             ", receptive_field(5 * twice))
print("four levels, pooling between: ", receptive_field(3 * (twice + pool) + twice))
print("the same behind two strides:  ", receptive_field([(3, 2, 1), (3, 2, 1), *3 * (twice + pool), *twice]))

# %% [markdown]
# You should see (21, 1), (68, 8) and (275, 32). Ten convolutions at full size see 21 of 240 pixels, and cost most. Eight
# convolutions with three poolings in between see 68, three times as much. The same eleven layers behind two strides see 275, more
# than the whole image.
#
# ## The U-Net
#
# So we pool. But then a number stands for 8×8 pixels, and nobody knows any more where exactly an edge was. The **U-Net** goes down
# to see far, and up again to be exact. On the way up, each level is joined with what was there on the way down: a **skip
# connection**. What comes from below knows *what*, the skip connection knows *where*.

# %%
show_unet(channels=[16, 32, 64, 96], height=240, width=240, num_classes=23)

# %% [markdown]
# Two blocks are all it takes. A `DoubleConv` is convolution, normalisation, ReLU, and the same again. An `UpBlock` enlarges
# (bilinear) what comes from below, joins it with the skip connection along the channels, and lets a `DoubleConv` make sense of both.
#
# Sizes by hand: 30 pooled is 15, and 15 enlarged by two is 30. But 31 pooled is 15, too, and 15 enlarged by two does not fit 31.
# So an `UpBlock` enlarges to the size that the skip connection *has*.
#
# ## Task 7: the blocks (7 points)
#
# ●●○ · about 20 minutes · [layers.py](../../exercise_code/ex10_segmentation/layers.py)
#
# Write `DoubleConv` and `UpBlock`.
#
# - **in:** float32 (B, C, H, W); for the `UpBlock` two of them, `x` from below and `skip`
# - **out:** float32 (B, out_channels, H, W), as high and wide as the image or as `skip`
#
# <details><summary>Hint 1: where to look</summary>
#
# `nn.Conv2d`, `nn.BatchNorm2d`, `nn.ReLU`, `nn.Sequential`; and `interpolate` once more, with `size=`.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# An `UpBlock` has one part, `DoubleConv(in_channels + skip_channels, out_channels)`. All else is in `forward`.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `torch.cat([...], dim=1)` joins the two after `x` was enlarged to `skip.shape[-2:]`; in `interpolate`, name the mode.
#
# </details>

# %% role="checks" grade_id="layers_blocks" points=7
check("layers_blocks")

# %% [markdown]
# ## Task 8: the U-Net and the model (7 points)
#
# ●●● · about 30 minutes · [model.py](../../exercise_code/ex10_segmentation/model.py)
#
# Write `UNet`, then `SegmentationModel`, which is the class that the grader builds. A U-Net at the full size of 240×240 is slow:
# two convolutions with stride 2 in front, its *stem*, let it work on 60×60, and the logits are enlarged at the end. The other
# kind of network, `EncoderNet`, is given; its turn comes further below.
#
# - **in:** `images`, float32 (B, 3, H, W), of even and odd sizes
# - **out:** logits, float32 (B, 23, H, W)
#
# <details><summary>Hint 1: where to look</summary>
#
# The picture above has all boxes. `UNet`'s docstring says which blocks it is made of.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# The way down fills a list. The last entry goes up. The others are the skip connections, the last one first.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `zip(self.up, reversed(...))` pairs each `UpBlock` with its skip connection. Layers in a list need an `nn.ModuleList`.
#
# </details>

# %% role="checks" grade_id="unet_model" points=7
check("unet_model")

# %% [markdown]
# ### First, one scene by heart
#
# A network that cannot learn a single scene has a bug, and it takes some seconds to see that.

# %%
seed_everything(10)
model = SegmentationModel(HPARAMS).to(device)
print(f"{count_parameters(model):,} parameters, at most 5,000,000 are allowed")
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
one = train_images[:1].to(device), train_labels[:1].to(device)
for step in range(61):
    loss = train_step(model, *one, optimizer, loss=segmentation_loss)
    if step % 20 == 0:
        print(f"step {step:2}: loss {loss:.3f}")

# %% [markdown]
# **Expect** about 3.1 at first (that is $\ln 23$, the loss of guessing) and below 0.15 at step 60. If yours is
#
# - above 2: is there a normalisation behind each convolution?
# - around 0.3: are all layers registered? Those in a plain list are not in `model.parameters()`, and the optimizer never moves them.
# - still 3.1: does your `train_step` of exercise 7 pass its check?
#
# A single scene does not test the skip connections: without them, too, a network learns it by heart.
#
# The printed number of parameters counts the running means and variances of the normalisations, too: they are saved with the model.
#
# ## Task 9: predictions (4 points)
#
# ●●○ · about 10 minutes · [measures.py](../../exercise_code/ex10_segmentation/measures.py)
#
# Write `predict_labels`. Logits of 50 images at once would take 265 MB, their labels take 3: so go batch by batch.
#
# - **in:** `model`; `images`, float32 (N, 3, H, W); `batch_size`
# - **out:** uint8 (N, H, W), a numpy array; the model keeps its mode
#
# <details><summary>Hint 1: where to look</summary>
#
# `predict_keypoints` of exercise 9 had the same three duties: eval mode, no gradients, the mode put back.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# For each batch keep the labels only. The logits of a batch are forgotten before the next ones come.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# Inside of `torch.no_grad()`, the `argmax` of a batch's logits over axis 1, as uint8; one `torch.cat` behind the loop.
#
# </details>

# %% role="checks" grade_id="measures_predict" points=4
check("measures_predict")

# %% [markdown]
# ## Training
#
# Where does the time of an epoch go? One batch, by the clock:

# %%
start = time.perf_counter()
batch = augment_scenes(train_images[:8], train_labels[:8], torch.Generator().manual_seed(0), window=192)
middle = time.perf_counter()
train_step(model, batch[0].to(device), batch[1].to(device), optimizer, loss=segmentation_loss)
end = time.perf_counter()
print(f"8 scenes: {1000 * (middle - start):.0f} ms for the augmentation, {1000 * (end - middle):.0f} ms for the step")

# %% [markdown]
# **Expect** that the step takes most of it. A `window` of 192 instead of 240 saves a third of the work, and cuts another part of
# the scene each time.
#
# With `schedule=cosine`, the learning rate falls from `LEARNING_RATE` to 0 during the run, along half a wave of a cosine: large steps
# at first, small ones at the end.

# %%
NUM_EPOCHS = 30
BATCH_SIZE = 8
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.05
SMALLEST, LARGEST, WINDOW = 0.8, 1.25, 192
WEIGHTS = None  # or class_weights(train_labels, 23, power=0.25).to(device)
MAX_SECONDS = 200

# %%
seed_everything(10)
model = SegmentationModel(HPARAMS).to(device)
loss = partial(segmentation_loss, weights=WEIGHTS)

history = train(
    model,
    TensorDataset(train_images, train_labels),
    DataLoader(TensorDataset(val_images, val_labels), batch_size=8),
    loss=loss,
    step=partial(train_step, loss=loss),
    optimizer=torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY),
    metric="segmentation_accuracy",
    num_epochs=NUM_EPOCHS,
    batch_size=BATCH_SIZE,
    schedule=cosine,
    augment=partial(augment_scenes, smallest=SMALLEST, largest=LARGEST, window=WINDOW),
    keep="last",
    max_seconds=MAX_SECONDS,
    seed=10,
)
epochs = f"{len(history.train_loss)} of {NUM_EPOCHS} epochs"
print(f"{epochs} in {history.seconds:.0f} s, accuracy {history.val_score[-1]:.3f}")
print("why it stopped:", history.stopped)

# %% [markdown]
# **Expect** on drawn scenes, within this run of 30 epochs, about 0.35 after 5 epochs, 0.44 after 15 and 0.55 to 0.58 at the end. An epoch
# takes 5 seconds on one core. A longer run is what helps most: with 40 epochs the course's own model reaches 0.6. Raise `NUM_EPOCHS`
# and `MAX_SECONDS`. If yours stays below 0.25:
#
# - Does one scene by heart work (above)? If not, the mistake is in the model.
# - Do labels lie on their things after augmentation (the four copies above)?
# - Does the loss jump, or stand still for ten epochs? Halve the learning rate. With 4e-3, this network may see nothing but sky and
#   grass for half of the run.
#
# `keep="last"` keeps the last weights. The epoch that is best on 50 scenes would be best partly by luck.
#
# ### What does it see?

# %%
predictions = predict_labels(model, val_images.to(device))
accuracies = image_accuracies(predictions, val_scenes.labels)
confusion = confusion_matrix(predictions, val_scenes.labels, 23)
iou = class_iou(confusion)

half_width = 1.96 * accuracies.std() / len(accuracies) ** 0.5
print(f"mean accuracy of an image {accuracies.mean():.3f}, give or take {half_width:.3f} with {len(accuracies)} images")
print(f"accuracy of all pixels together {np.diag(confusion).sum() / confusion.sum():.3f}, mIoU {np.nanmean(iou):.3f}\n")
print_classes(confusion, iou)

# %% [markdown]
# The three best and the three worst scenes, and which class was taken for which. What is void in the labels is left black in the
# predictions, too:

# %%
order = np.argsort(-accuracies)
chosen = [*order[:3], *order[-3:]]
titles = [f"{100 * accuracies[i]:.0f} % right" for i in chosen]
show_predictions(val_scenes.images[chosen], val_scenes.labels[chosen], predictions[chosen], titles)

# %%
show_confusion(confusion)

# %% [markdown]
# > **Think.** The mIoU is far below the accuracy. Why?
#
# <details><summary>Open this when you have an answer.</summary>
#
# The mIoU is a mean over classes. Grass and sky are found; chairs and birds are rare and hardly ever are, and each of them counts
# as much as grass. In the accuracy they hardly count at all.
#
# </details>
#
# ## Someone else's encoder
#
# A network that has named a million photographs knows edges, textures, fur and wheels. Why learn these again from 276? **Transfer
# learning** takes its layers as the way down, the encoder, and builds only the rest anew. Ours is a MobileNetV2, with 2.2 million
# parameters.
# `fill_encoder` looks for its weights in the folder `weights` of your data folder or of a mirror. With photographs, it asks
# torchvision to download them where they are in neither. It prints what it found; without weights everything below works as well,
# only worse.

# %%
seed_everything(10)
encoder = mobilenet_v2(weights=None).features
pretrained = fill_encoder(encoder)
print(f"{len(encoder)} layers, {sum(p.numel() for p in encoder.parameters()):,} parameters")

# %% [markdown]
# The grader downloads nothing: `SegmentationModel(hparams)` builds an empty network, and all its weights, the encoder's too, come
# from the file that you hand in. The rest of the network is `EncoderNet` in
# [encoder.py](../../exercise_code/ex10_segmentation/encoder.py), made of your next two tasks and of your blocks.
#
# ## Task 10: features on the way (3 points)
#
# ●○○ · about 10 minutes · [transfer.py](../../exercise_code/ex10_segmentation/transfer.py)
#
# Write `features_at`.
#
# - **in:** `layers`; `images`; `places`, which layers' outputs are wanted
# - **out:** a list of tensors

# %% role="checks" grade_id="transfer_features" points=3
check("transfer_features")

# %%
with torch.no_grad():
    features = features_at(encoder, train_images[:1], [1, 3, 6, 13, 18])
show_encoder([1, 3, 6, 13, 18], [tuple(each.shape) for each in features], 240)

# %% [markdown]
# You should see sides of 120, 60, 30, 15 and 8. These can be the skip connections of a U-Net: a **neck**, a 1×1 convolution that
# leaves fewer channels of the last one, and your `UpBlock`s upwards.
#
# ## A light head
#
# Or there is hardly a way up at all. **LR-ASPP**, the head of MobileNetV3, takes two features: coarse ones (8×8, 1,280 channels)
# that know what there is, and fine ones (60×60) that know where.
#
# 1. The coarse ones are squeezed to 128 channels.
# 2. The mean of the coarse features (before they are squeezed) over the whole image, through a 1×1 convolution and a sigmoid, says
#    how much of each squeezed channel passes. The product goes on. If there is water everywhere, channels for cars are turned down.
# 3. The product is enlarged to the fine size; it and the fine features each become logits, and these are added.
#
# By hand for one channel: the convolution makes 2 of the mean, $\sigma(2) = 0.88$, so a squeezed value of 5 goes on as 4.4.
#
# ## Task 11: the head (4 points)
#
# ●●○ · about 15 minutes · [layers.py](../../exercise_code/ex10_segmentation/layers.py)
#
# Write `LRASPPHead.forward`; the layers are made already.
#
# - **in:** `low`, float32 (B, low_channels, H, W); `high`, float32 (B, high_channels, h, w)
# - **out:** logits, float32 (B, num_classes, H, W)
#
# <details><summary>Hint 1: where to look</summary>
#
# The docstring has the four steps. `x.mean(dim=(2, 3), keepdim=True)` is the mean over all places.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# `squeeze` gives (B, 128, h, w), the sigmoid gives (B, 128, 1, 1): the two can be multiplied as they are.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `torch.sigmoid(self.scale(...))` is the factor. Enlarge the product with `interpolate(..., size=low.shape[-2:])`.
#
# </details>

# %% role="checks" grade_id="transfer_head" points=4
check("transfer_head")

# %%
fresh_head = LRASPPHead(low_channels=24, high_channels=1280, num_classes=23)
with torch.no_grad():
    logits = fresh_head(features[1], features[4])
parameters = sum(p.numel() for p in fresh_head.parameters())
print("logits:", tuple(logits.shape), f"of a head with {parameters:,} parameters")

# %% [markdown]
# ## What to fine-tune, and when
#
# Two kinds of layers are in one model now. The encoder's, if you have weights, are good already; the head's are random, and at first
# send nonsense backwards. Three recipes:
#
# | recipe | when |
# |---|---|
# | freeze the encoder, train the head | very few images, or the first minutes of any run |
# | freeze early layers and normalisations, train the rest, the encoder's part with a smaller learning rate | some hundreds of images like those of pretraining |
# | train all alike | many images, or images of quite another kind |
#
# The first recipe has a trap. `requires_grad = False` stops the gradients, but in training mode a batch normalisation goes on
# averaging the means of your batches into its own. A frozen one belongs in eval mode. `SegmentationModel.train` calls your
# `quiet_norms` for that, whenever the trainer puts the model into training mode.
#
# ## Task 12: freeze, and two learning rates (6 points)
#
# ●●○ · about 20 minutes · [transfer.py](../../exercise_code/ex10_segmentation/transfer.py)
#
# Write `freeze`, `quiet_norms` and `parameter_groups`.
#
# - **in:** a model, or a part of it; learning rates
# - **out:** nothing, the model is changed; or a list of dicts as an optimizer takes it
#
# <details><summary>Hint 1: where to look</summary>
#
# `module.parameters()` and `model.modules()` go through everything that is inside.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# The encoder's parameters are known by their `id`. All others of the model are in the second group.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# A set of `id(p)` says quickly whether a parameter is the encoder's. A group is `{"params": [...], "lr": ...}`; leave out groups that
# hold nothing.
#
# </details>

# %% role="checks" grade_id="transfer_freeze" points=6
check("transfer_freeze")

# %%
transfer = SegmentationModel(MOBILENET_HPARAMS)
transfer.net.encoder.load_state_dict(encoder.state_dict())
freeze(transfer.net.encoder)
for group in parameter_groups(transfer, transfer.net.encoder, encoder_lr=2e-4, lr=1e-3):
    print(f"frozen:  {sum(p.numel() for p in group['params']):9,} parameters with learning rate {group['lr']}")
freeze(transfer.net.encoder, frozen=False)
for group in parameter_groups(transfer, transfer.net.encoder, encoder_lr=2e-4, lr=1e-3):
    print(f"thawed:  {sum(p.numel() for p in group['params']):9,} parameters with learning rate {group['lr']}")

# %% [markdown]
# You should see one group of 331,478 parameters, then two, of which the first has 2.2 million.
#
# Does `quiet_norms` work? One training step, and a look at a running mean of the encoder:

# %%
for frozen in (False, True):
    seed_everything(10)
    small = SegmentationModel(MOBILENET_HPARAMS)
    freeze(small.net.encoder, frozen)
    small.train()
    norm = next(layer for layer in small.net.encoder.modules() if isinstance(layer, torch.nn.BatchNorm2d))
    before = norm.running_mean.clone()
    optimizer = torch.optim.AdamW(parameter_groups(small, small.net.encoder, encoder_lr=2e-4, lr=1e-3))
    train_step(small, train_images[:2], train_labels[:2], optimizer, loss=segmentation_loss)
    moved = float((norm.running_mean - before).abs().max())
    name = "frozen" if frozen else "thawed"
    print(f"{name}: before {before[0]:.4f}, after {norm.running_mean[0]:.4f}, moved by {moved:.4f}")

# %% [markdown]
# You should see that the mean of the thawed encoder moves, and that of the frozen one stays, by exactly 0.
#
# With photographs and pretrained weights, the next cell trains the model for a few minutes. With drawn scenes it does nothing: what
# ImageNet knows of fur and wheels helps little with drawings, and your U-Net is the better choice.

# %%
if pretrained and train_scenes.source == "real":
    transfer.to(device)
    # Edges and textures are the same everywhere, and a few photographs are too few for new means and variances.
    freeze(transfer.net.encoder[:7])
    for layer in transfer.net.encoder.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            freeze(layer)
    groups = parameter_groups(transfer, transfer.net.encoder, encoder_lr=2e-4, lr=1e-3)
    history = train(
        transfer,
        TensorDataset(train_images, train_labels),
        DataLoader(TensorDataset(val_images, val_labels), batch_size=8),
        loss=loss,
        step=partial(train_step, loss=loss),
        optimizer=torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY),
        metric="segmentation_accuracy",
        num_epochs=10,
        batch_size=BATCH_SIZE,
        schedule=cosine,
        augment=partial(augment_scenes, smallest=0.6, largest=1.5, window=WINDOW),
        keep="last",
        max_seconds=300,
        seed=10,
    )
    print(f"transfer: accuracy {history.val_score[-1]:.3f}, your U-Net: {accuracies.mean():.3f}")
    model = transfer

# %% [markdown]
# ## Save the model

# %%
path = save_model(model, "segmentation", model.hparams, data_source=train_scenes.source)

# %% [markdown]
# The grader builds `SegmentationModel` from the saved hyperparameters, fills in the saved weights, normalises scenes with your
# `normalize_images`, and takes the most likely class of each pixel. So does the next cell:

# %%
saved = load_model("segmentation", SegmentationModel)
again = image_accuracies(predict_labels(saved, normalize_images(val_scenes.images)), val_scenes.labels)
print(f"accuracy of the saved model: {again.mean():.3f}")

# %% [markdown]
# ## Task 13: a trained model (28 points)
#
# ●●● · about 30 minutes · in this notebook
#
# Hand in the best model that you can get: train longer, change `HPARAMS`, the augmentation, the learning rate. The points come in
# steps:
#
# | step | accuracy on drawn scenes | on photographs | points |
# |---|---|---|---|
# | beats the commonest class | 0.3 | 0.4 | 7 |
# | half way | 0.4 | 0.55 | 14 |
# | passes | 0.5 | 0.64 | 28 |
#
# - **in:** what `save_model` wrote: at most 5 million parameters, 50 MB, and 120 seconds of computing time for all scenes
# - **out:** the mean accuracy of an image, compared after rounding to three decimals
#
# This check uses the validation set. The points come from scenes that nobody has seen. With 0.65 on drawn scenes, or 0.9 on
# photographs, you get no more points, but a star on the leaderboard, the list of the class's best models.

# %% role="checks" grade_id="segmentation_score" points=28
check("segmentation_score")

# %% [markdown] role="written" grade_id="written_skips" points=4
# ## Task 14: without skip connections (4 points)
#
# ●●○ · about 10 minutes · answer in this cell
#
# Three to five sentences for each question are enough.
#
# 1. A classmate leaves the skip connections out of her U-Net. Its accuracy falls by a few points only. Where in the image are the
#    pixels that became wrong, and why there?
# 2. She puts them back, but leaves out all pooling and strides. Which pixels become wrong now, and why?
#
# ### BEGIN SOLUTION
# 1. Along the edges of things, and thin parts such as legs or poles. Behind the pooling, a number stands for many pixels, and
# where exactly an edge was is lost; the way up can only guess it by enlarging. Inside large areas nothing changes.
#
# 2. Pixels in the middle of large areas and of things whose texture several classes share. Without pooling, ten convolutions see
# about 21 pixels, so what is around stays unknown, and a patch of grey may be road, wall or sheep. Edges stay sharp.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 1 point: edges and thin parts. 1 point: pooling loses the place, enlarging cannot bring it back.
# - 1 point: areas whose texture fits several classes. 1 point: the receptive field is too small.
# - "It has fewer parameters": no point.
# ### END MARKING GUIDE

# %% [markdown] role="written" grade_id="written_frozen" points=3
# ## Task 15: a frozen encoder that changes (3 points)
#
# ●●○ · about 10 minutes · answer in this cell
#
# A classmate freezes the encoder with `requires_grad = False`, forgets `quiet_norms`, and trains the head with batches of two
# photographs. The training loss is fine. The validation score, in eval mode, is poor. With batches of 32, it is much better.
#
# Two to four sentences for each question are enough.
#
# 1. Why do small batches make it worse?
# 2. Why does the training loss not show it?
#
# ### BEGIN SOLUTION
# 1. Each batch moves the running means and variances of the encoder's normalisations towards its own. Those of two photographs
# depend on what these two happen to show, and the running ones remember only the last dozen batches or so: with two images each,
# they are numbers of about twenty photographs in place of the million of pretraining; with 32, of some hundreds.
#
# 2. In training mode a normalisation uses the mean and the variance of the batch itself. It writes the running ones, and never reads
# them, so they may be anything. Only eval mode reads them: the head then gets other features than those that it has learned from.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 1 point: running means and variances follow those of the batches, and two images give noisy ones (or: too few images are
#   remembered).
# - 1 point: in training mode the batch's own mean and variance are used. 1 point: the running ones are read in eval mode only.
# - "Gradients of small batches are noisy": no point, the encoder gets none. "The head overfits": no point.
# - "Use `quiet_norms`" alone: no point, it is in the text.
# ### END MARKING GUIDE

# %% [markdown]
# ## What you learned
#
# - Labels go through every change that their image goes through, and are never blended.
# - Void counts neither in the loss nor in the score.
# - Pooling lets a network see far, skip connections let it stay exact.
# - A pretrained encoder is a way down for free. What is frozen must be frozen in its normalisations, too.
# - One number hides a lot: look at classes, at confusions, and at the worst images.
#
# ## Hand in
#
# Fill in your answers, save the notebook, and run the next cell. It packs notebook, modules and your model into a zip, and tries it
# out the way the grader will.

# %%
submit("ex10_segmentation")

# %% [markdown]
# ## Read on
#
# - [U-Net: Convolutional Networks for Biomedical Image Segmentation](https://arxiv.org/abs/1505.04597), Ronneberger and others,
#   2015: the paper.
# - [Searching for MobileNetV3](https://arxiv.org/abs/1905.02244), Howard and others, 2019: LR-ASPP is in section 6.4.
# - [Computing Receptive Fields of Convolutional Neural Networks](https://distill.pub/2019/computing-receptive-fields/), Araujo and
#   others, 2019: with pictures.
