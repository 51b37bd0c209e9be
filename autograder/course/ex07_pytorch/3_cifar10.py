# %% [markdown]
# # Exercise 7, part 3: CIFAR-10 with fully connected layers
#
# **What you will build:** an image classifier in PyTorch, as good as fully connected layers get. You train it, watch it in TensorBoard if you
# like, and hand it in.
#
# **Time:** about an hour, of which your computer trains for a few minutes. **To pass:** 65 of 100 points, all three parts together.
#
# **What you need:** [part 1](1_tensors_and_training.ipynb).
#
# **Where you write code:** in [model.py](../../exercise_code/ex07_pytorch/model.py).
#
# | task | what you do | file | difficulty | points |
# |---|---|---|---|---|
# | 14 | `CifarModel` | `model.py` | ●●○ | 4 |
# | 15 | a trained model, worth points in three steps | this notebook | ●●● | 22 |
# | 16 | an answer in words | this notebook | ●●○ | 3 |

# %%
# %load_ext autoreload
# %autoreload 3
# %matplotlib inline

import importlib.util
from functools import partial

import torch
from IPython import get_ipython
from torch import nn
from torch.utils.data import TensorDataset

from exercise_code import check, get_device, load_dataset, load_model, save_model, seed_everything, submit
from exercise_code.common.evaluation import evaluate_model, predict
from exercise_code.common.models import count_parameters
from exercise_code.common.plotting import show_images
from exercise_code.common.training import cosine, train
from exercise_code.ex07_pytorch.augmentation import flip_and_shift
from exercise_code.ex07_pytorch.model import HPARAMS, CifarModel
from exercise_code.ex07_pytorch.network import MLP, Standardize
from exercise_code.ex07_pytorch.pictures import show_confusion, show_lines, show_templates
from exercise_code.ex07_pytorch.tensors import images_to_tensor
from exercise_code.ex07_pytorch.training import train_step

seed_everything(7)
device = get_device("auto")
print("training on:", device)

# %% [markdown]
# ## The data
#
# Pictures of 32 by 32 pixels, in ten classes. A `TensorDataset` pairs them with their labels.

# %%
train_set, val_set = load_dataset("cifar10", split="train"), load_dataset("cifar10", split="val")
train_data, val_data = (
    TensorDataset(images_to_tensor(each.images), torch.from_numpy(each.labels)) for each in (train_set, val_set)
)
names = train_set.classes
show_images(train_set.images[:20], [names[label] for label in train_set.labels[:20]], columns=10, size=1.1)

# %% [markdown]
# ## A baseline: one linear layer
#
# Before you build anything, find out what the simplest model reaches. One linear layer has a weight for each pixel, colour and class. Its score
# for a class is large where the picture is similar to these weights, so the weights are a **template**, and can be looked at. From
# here on you use the course's training loop, `train`. It does what your `fit` does, with a few more options, and **takes your
# `train_step`**:


# %%
class LinearModel(nn.Module):
    """One template for each class."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3 * 32 * 32, 10)

    def forward(self, images):
        return self.layer((images - 0.5).flatten(1))


seed_everything(7)
linear = LinearModel().to(device)
train(
    linear,
    train_data,
    val_data,
    loss=nn.functional.cross_entropy,
    step=train_step,
    optimizer=torch.optim.AdamW(linear.parameters(), lr=1e-3, weight_decay=1.0),
    metric="accuracy",
    num_epochs=20,
    batch_size=100,
    schedule=cosine,
)
print(f"a linear model: {evaluate_model(linear, val_data, 'accuracy'):.0%}")
show_templates(linear.layer.weight.detach().cpu().numpy().reshape(10, 3, 32, 32), names)

# %% [markdown]
# **Expect** 43 to 46 % on drawn pictures, and templates that are blurred clouds of colour: a frog is something green in the middle, a ship
# something dark on blue. One template for each class cannot say "red *or* blue car", or "horse looking left *or* right". That is what hidden
# layers are for.
#
# ## Task 14: your model (4 points)
#
# ●●○ · about 10 minutes · [model.py](../../exercise_code/ex07_pytorch/model.py)
#
# Write `CifarModel`. **Fully connected layers only**: no weight may have more than two axes. The grader reads that from the file that you hand
# in, and it also checks which operators run when your model predicts. Build the model from the argument `hparams`: the checks try other
# `hidden_sizes`, too.
#
# - **in:** `images`, float32 (batch_size, 3, 32, 32) from 0 to 1
# - **out:** logits, float32 (batch_size, 10)
#
# <details><summary>Hint 1: where to look</summary>
#
# Your `MLP` of part 1 is nearly all of it.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Centre the pixels, flatten, then blocks of linear layer, batch normalisation, ReLU and dropout, one for each entry of
# `hparams["hidden_sizes"]`, and a linear layer to ten logits.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `MLP([3 * 32 * 32, *hparams["hidden_sizes"], 10], hparams["dropout"])` passes. With `nn.BatchNorm1d(size)` after each hidden linear layer it
# learns faster. Nothing comes after the last layer: `cross_entropy` takes logits.
#
# </details>

# %% role="checks" grade_id="cifar_model" points=4
check("cifar_model")

# %%
model = CifarModel(HPARAMS)
print(model)
print(f"{count_parameters(model):,} parameters; at most 5,000,000 are allowed")

# %% [markdown]
# ### First, twenty pictures by heart

# %%
seed_everything(7)
model = CifarModel(HPARAMS)
images, labels = train_data[:20]
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
for step in range(61):
    value = train_step(model, images, labels, optimizer)
    if step % 20 == 0:
        print(f"step {step:2}: loss {value:.3f}")

# %% [markdown]
# **Expect** about 2.3 at first and below 0.3 at step 60. If it does not fall, do not train; look for the bug.
#
# ## More pictures from the same ones
#
# A mirrored truck is a truck, and so is one that stands two pixels further left. `flip_and_shift` gives the network another version of each
# picture in each epoch, so that it cannot learn them by heart. Each column is one picture:

# %%
generator = torch.Generator().manual_seed(7)
versions = [train_data.tensors[0][:8]]
for _ in range(2):
    versions.append(flip_and_shift(versions[0], labels[:8], generator)[0])
show_images(
    torch.cat(versions).numpy(), columns=8, size=1.1, alt="8 pictures, and two changed versions of each below it"
)

# %% [markdown]
# ## TensorBoard (an extra)
#
# With many runs, a place that keeps their curves is worth a lot. `train(log_dir="runs/name")` writes them down, and **TensorBoard** draws
# them. It comes with `pip install tensorboard`. Everything below runs without it, too.
#
# - **In the browser:** `tensorboard --logdir exercises/ex07_pytorch/runs` in a terminal, then open the address that it prints.
# - **In the notebook:** set `SHOW_TENSORBOARD = True` in the cell below. It starts a small server and shows its page here.
#
# Start it before the training and press its reload button now and then. Give each run a name that says what is different about it, such as
# `dropout-0.3`, and compare them in one picture.

# %%
SHOW_TENSORBOARD = False
HAVE_TENSORBOARD = importlib.util.find_spec("tensorboard") is not None

if SHOW_TENSORBOARD and HAVE_TENSORBOARD:
    get_ipython().run_line_magic("load_ext", "tensorboard")
    get_ipython().run_line_magic("tensorboard", "--logdir runs")
print(
    "TensorBoard is", "here" if HAVE_TENSORBOARD else "not installed: the runs below are drawn by this notebook alone"
)

# %% [markdown]
# ## Training
#
# These settings are a start, and the cell below is the place to change them. You know most of them from exercise 6; one is new. **Label
# smoothing** of 0.1 asks for a probability of 0.91 for the right class and 0.01 for each of the nine others, so that the network does not
# become too sure.
#
# `hparams` are the settings of the model. In place of `dict(HPARAMS)` you may write `dict(HPARAMS, hidden_sizes=[1024, 512], dropout=0.3)`, a copy
# of `HPARAMS` with two entries replaced.

# %%
NUM_EPOCHS = 60
BATCH_SIZE = 100
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.3
LABEL_SMOOTHING = 0.1
MOST_PIXELS = 3
MAX_SECONDS = 150
RUN = "first"

hparams = dict(HPARAMS)

# %% [markdown]
# `partial(f, a=1)` is the function `f` with the argument `a` filled in. The loss is passed twice: `train` validates with its argument `loss`, but
# calls `step(model, inputs, targets, optimizer)` without one, so `partial` fills it in for your `train_step`.

# %%
seed_everything(7)
model = CifarModel(hparams).to(device)
loss = partial(nn.functional.cross_entropy, label_smoothing=LABEL_SMOOTHING)

history = train(
    model,
    train_data,
    val_data,
    loss=loss,
    step=partial(train_step, loss=loss),
    optimizer=torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY),
    metric="accuracy",
    num_epochs=NUM_EPOCHS,
    batch_size=BATCH_SIZE,
    schedule=cosine,
    augment=partial(flip_and_shift, most_pixels=MOST_PIXELS),
    max_seconds=MAX_SECONDS,
    log_dir=f"runs/{RUN}" if HAVE_TENSORBOARD else None,
    seed=7,
)
print(f"{len(history.train_loss)} of {NUM_EPOCHS} epochs in {history.seconds:.0f} s; why it stopped: {history.stopped}")
print(f"accuracy of the best epoch: {evaluate_model(model, val_data, 'accuracy'):.3f}")
show_lines({"training": history.train_loss, "validation": history.val_loss}, "loss", "epoch")

# %% [markdown]
# **Expect** about 0.6, in less than a minute on a free processor. On three sets of new pictures, three runs of 60 epochs gave 0.59 to 0.64 with batch
# normalisation, and 0.56 to 0.61 with a plain `MLP`. If not:
#
# - The loss does not fall below 2: is something dropped after the last layer, is the learning rate ten times too large?
# - The training loss is far below that of validation: more dropout, more weight decay, more shifting.
# - Both are high and close together: more units, less dropout, more epochs.
# - It stopped because the time was up: raise `MAX_SECONDS`.
#
# Two more ideas. `keep="average"`, one more argument of `train` above, gives you the average of the parameters over the last thousand steps or
# so; in longer trainings, of 100 epochs, it is better than any single epoch. And in evaluation mode your model may look at each picture *and at
# its mirror image*, and answer the mean of both.
#
# On photographs, give it more time and more units: `hparams = dict(HPARAMS, hidden_sizes=[1024, 512], dropout=0.3)`, a weight decay of 0.05,
# 100 epochs, and more `MAX_SECONDS`.
#
# ### What does it mix up?

# %%
logits = predict(model, val_data.tensors[0])
show_confusion(val_set.labels, logits.argmax(axis=1), names)

# %% [markdown]
# > **Think.** Which mistakes would you make yourself at 32 by 32 pixels, and which ones not?
#
# <details><summary>Open this when you have an answer.</summary>
#
# Cats and dogs, or cars and trucks, have similar colours and outlines; they are hard for everybody. Where a person sees wheels or ears at once,
# this network has a weight for each pixel at each place and has to learn a wheel anew for every place where one may be. Exercise 9 has
# layers that do not.
#
# </details>
#
# ## Save the model

# %%
path = save_model(model, "cifar", hparams, data_source=train_set.source)

# %% [markdown]
# The grader builds `CifarModel(hparams)` from the saved hyperparameters and fills in the saved weights. So does this cell:

# %%
saved = load_model("cifar", CifarModel)
print(f"accuracy of the saved model: {evaluate_model(saved, val_data, 'accuracy'):.3f}")

# %% [markdown]
# ## Task 15: a trained model (22 points)
#
# ●●● · about 20 minutes · in this notebook
#
# Hand in the best model that you can get. The points come in steps:
#
# | step | accuracy on drawn pictures | on photographs | points |
# |---|---|---|---|
# | beats a linear model | 0.48 | 0.42 | 5.5 |
# | half way | 0.53 | 0.46 | 11 |
# | passes | 0.57 | 0.5 | 22 |
#
# - **in:** what `save_model` wrote: at most 5 million parameters, 20 MB, no weights with more than two axes, and 30 seconds of computing time for
#   all pictures
# - **out:** the accuracy, compared after rounding to three decimals
#
# This check uses the validation set. The points come from pictures that nobody has seen.

# %% role="checks" grade_id="cifar_score" points=22
check("cifar_score")

# %% [markdown]
# ### One last experiment: pixels in disorder
#
# Shuffle the pixels of all pictures, every picture in *the same* random order. To you they become noise. And to your `MLP`? Guess first.

# %%
order = torch.randperm(32 * 32, generator=torch.Generator().manual_seed(7))


def shuffled(images):
    """The pictures with all their pixels in another order, the same one for all."""
    return images.flatten(2)[:, :, order].reshape(images.shape)


show_images(
    torch.cat([train_data.tensors[0][:8], shuffled(train_data.tensors[0][:8])]).numpy(),
    columns=8,
    size=1.1,
    alt="8 pictures, and below each the same picture with its pixels shuffled, which looks like noise",
)

# %%
accuracies = {}
for name, change in {"in order": lambda images: images, "shuffled": shuffled}.items():
    seed_everything(7)
    net = nn.Sequential(Standardize([0.5] * 3, [0.25] * 3), MLP([3 * 32 * 32, 100, 10])).to(device)
    seen, held_out = (TensorDataset(change(each.tensors[0]), each.tensors[1]) for each in (train_data, val_data))
    train(
        net,
        seen,
        held_out,
        loss=nn.functional.cross_entropy,
        step=train_step,
        optimizer=torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.3),
        metric="accuracy",
        num_epochs=10,
        batch_size=100,
        schedule=cosine,
        progress=False,
    )
    accuracies[name] = evaluate_model(net, held_out, "accuracy")
print({name: f"{accuracy:.0%}" for name, accuracy in accuracies.items()})

# %% [markdown] role="written" grade_id="written_shuffled" points=3
# ## Task 16: why does it not care? (3 points)
#
# ●●○ · about 10 minutes · answer in this cell
#
# 1. Why does a fully connected network reach about the same accuracy on shuffled pictures?
# 2. What does that say about what it knows of pictures, and why may it need more of them than a network that knows better?
# 3. The training above leaves `flip_and_shift` out. Why would it be wrong to apply it *after* the shuffle?
#
# ### BEGIN SOLUTION
# 1. Each hidden unit is a weighted sum over all pixels. If the pixels change places, the same weights in the new places give the same sums; for
# training all places are alike. (Random starts aside, the shuffled problem is the same problem.)
#
# 2. It does not know that neighbouring pixels belong together, nor that a wheel is a wheel wherever it is. It has to learn both from examples, for each
# place by itself.
#
# 3. Moved or mirrored, shuffled pixels do not become a moved or mirrored picture in that order: what comes out is no longer a version of the picture,
# and looks like no picture in the validation set.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 1 point: sums over all pixels, no place is special; the weights can be permuted with the pixels.
# - 1 point: it knows nothing of neighbourhood (or of equal parts in different places), and must learn it from more examples.
# - 1 point: after the shuffle, neighbours in the array are not neighbours in the picture, so shifting or mirroring gives no valid picture.
# ### END MARKING GUIDE

# %% [markdown]
# ## What you learned
#
# - A linear model's weights are templates; hidden layers allow for more than one way to look.
# - A baseline first, then one batch by heart, then the whole training.
# - Augmentation, weight decay, label smoothing and averaged parameters: what keeps a network with many weights from learning by heart.
# - A fully connected network does not know that pixels have neighbours. Exercise 9 begins there.
#
# ## Hand in
#
# Fill in your answers in words (Task 2 in part 1, Task 16 here), save all three notebooks, and run this cell. It packs the notebooks, your modules and
# your model into a zip, and tries it out the way the grader will. You can hand in as often as you like until the deadline.

# %%
submit("ex07_pytorch")

# %% [markdown]
# ## Read on
#
# - [How far can we go without convolution](https://arxiv.org/abs/1511.02580), Lin, Memisevic and Konda, 2015: fully connected networks on CIFAR-10.
# - [When does label smoothing help?](https://arxiv.org/abs/1906.02629), Müller, Kornblith and Hinton, 2019.
# - [Visualizing models with TensorBoard](https://docs.pytorch.org/tutorials/intermediate/tensorboard_tutorial.html), a tutorial.
