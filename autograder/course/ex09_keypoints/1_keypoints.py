# %% [markdown]
# # Exercise 9: a network that finds the keypoints of a face
#
# **What you will build:** a convolutional neural network (CNN) that looks at a grey picture of a face and says where
# its eyes, brows, nose and mouth are: 15 points, 30 numbers. You will write its loss, its training step and the
# network itself, train it, and hand it in.
#
# **Time:** about two and a half hours, of which your computer trains for ten minutes or so.
#
# **What you need:** PyTorch's tensors, `nn.Module` and autograd (exercise 7), and an idea of what a convolution is.
#
# **Where you write code:** in two files of `exercise_code/ex09_keypoints`, `training.py` and `model.py`. Open them
# beside this notebook.
#
# | task | what you fill in | file | check | points |
# |---|---|---|---|---|
# | 1 | `normalize_keypoints`, `denormalize_keypoints` | `training.py` | `keypoints_scaling` | 8 |
# | 2 | `keypoint_loss` | `training.py` | `keypoints_loss` | 8 |
# | 3 | `KeypointModel` | `model.py` | `keypoints_model` | 10 |
# | 4 | `train_step` | `training.py` | `keypoints_training` | 10 |
# | 5 | `flip_faces` | `training.py` | `keypoints_flip` | 8 |
# | 6 | `predict_keypoints` | `training.py` | `keypoints_predict` | 6 |
# | 7 | a trained model: points in steps, all of them from a score of 100 on | this notebook | `keypoints_score` | 40 |
# | 8, 9 | two questions, answered in words | this notebook | | 10 |

# %% [markdown]
# Run this cell first. Its first two lines make sure that this notebook always uses your files as they are on disk.

# %%
# %load_ext autoreload
# %autoreload 2
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
from exercise_code.ex09_keypoints.faces import KEYPOINT_NAMES
from exercise_code.ex09_keypoints.model import HPARAMS, KeypointModel
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
print("we compute on:", device)

# %% [markdown]
# ## From pictures to numbers
#
# A filter that puts sunglasses on you in a video call must know where your eyes are, thirty times a second. A phone
# that unlocks when it sees you turns your face upright before it compares. Both begin with **keypoints**.
#
# So far our networks answered *which class?* Now the answer is *where?*, a list of coordinates. That is **regression**:
# the network's outputs are the numbers themselves, and a small mistake is better than a large one.
#
# Here is the data. `load_dataset` says which faces you get: photographs, where they are on your disk, or else faces
# that it draws. Their form is the same, but a network that has only seen drawings is lost on photographs. So train on the
# kind that your course grades with; `source="embedded"` or `source="real"` as one more argument asks for one of them.

# %%
train_faces = load_dataset("facial_keypoints", split="train")
val_faces = load_dataset("facial_keypoints", split="val")

print("pictures: ", train_faces.images.shape, train_faces.images.dtype)
print("keypoints:", train_faces.keypoints.shape, train_faces.keypoints.dtype)

# %% [markdown]
# A picture is 1×96×96: one channel (grey), 96 rows, 96 columns. Its 15 keypoints are 30 numbers, in pixels,
# *x before y*: $(x_0, y_0, x_1, y_1, \dots, x_{14}, y_{14})$. x counts from the left, y from the top.

# %%
show_keypoints(train_faces.images[:12], train_faces.keypoints[:12], in_pixels=True)

# %% [markdown]
# Each keypoint has its own place in the list. Note whose left it is: the *left* eye is the left eye of the person,
# so in the picture we see it on the right.

# %%
for number, name in enumerate(KEYPOINT_NAMES):
    x, y = train_faces.keypoints[0, 2 * number : 2 * number + 2]
    print(f"{number:2}  {name:27} x = {x:4.1f}   y = {y:4.1f}")

# %% [markdown]
# ## 1. A scale that suits a network
#
# Pixels are clumsy numbers for a network: its weights start small, so its first answers are close to 0, and 96 is far
# away. We measure from the middle of the picture, in halves of its width:
#
# $$ y = \frac{x - 48}{48} $$
#
# Then the left edge is −1, the middle is 0, the right edge is 1, and the same goes for top and bottom.
#
# **Task 1.** Write `normalize_keypoints` and `denormalize_keypoints` in `training.py`. The first takes pixels and gives
# scaled coordinates, the second one goes back. Both take a tensor of any shape and give a new one of that shape.

# %% role="checks" grade_id="keypoints_scaling" points=8
check("keypoints_scaling")

# %% [markdown]
# With your function we make the datasets for training and validation: pictures as numbers from 0 to 1, keypoints as
# numbers from −1 to 1.


# %%
def as_dataset(faces):
    images = torch.from_numpy(faces.images).float() / 255
    return TensorDataset(images, normalize_keypoints(torch.from_numpy(faces.keypoints)))


train_data, val_data = as_dataset(train_faces), as_dataset(val_faces)

image, keypoints = train_data[0]
print("one sample:", tuple(image.shape), "and", tuple(keypoints.shape))
print(f"its keypoints lie between {keypoints.min():.2f} and {keypoints.max():.2f}")

# %% [markdown]
# ## 2. How wrong is a prediction?
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
# **Task 2.** Write `keypoint_loss` in `training.py`. It takes two tensors of shape (N, 30) and gives a tensor with one
# number. Stay with torch's operations, so that autograd can follow what you compute.

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
# What does a score mean on the picture? The square root of $L$ is a typical error of a coordinate, and 48 pixels
# are one unit:

# %%
for score in [20, 50, 100, 200, 400]:
    loss = 1 / (2 * score)
    print(f"score {score:3}:  loss {loss:.5f},  typical error {48 * loss**0.5:.1f} pixels")

# %% [markdown]
# ### A model that does not look
#
# Before we build anything clever we want to know what we get for nothing. `MeanFaceModel` in `dummy.py` computes the
# mean of all keypoints in the training set and answers just that, whatever the picture shows. Every model worth its
# name must beat it.

# %%
dummy = MeanFaceModel(train_data.tensors[1])
dummy_score = evaluate_model(dummy, val_data, metric="keypoint_score")
print(f"score of the mean face: {dummy_score:.1f}")

images, keypoints = val_data[:6]
show_keypoints(images, keypoints, dummy(images))

# %% [markdown]
# The orange face is always the same. Where heads are turned or off the middle, it misses.
#
# ## 3. A network that looks
#
# A linear layer on all 9,216 pixels would have to learn what an eye looks like anew for each place where an eye can be.
# A **convolution** learns it once: a small kernel moves over the picture and answers at each place how well
# it fits there. Here are three kernels that nobody had to train, on one face.

# %%
kernels = torch.tensor(
    [
        [[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]],
        [[-1.0, -2.0, -1.0], [0.0, 0.0, 0.0], [1.0, 2.0, 1.0]],
        [[-1.0, -1.0, -1.0], [-1.0, 8.0, -1.0], [-1.0, -1.0, -1.0]],
    ]
)
face = train_data[4][0]
answers = nn.functional.conv2d(face[None], kernels[:, None])[0].abs()
bright = answers / answers.amax(dim=(1, 2), keepdim=True)

titles = ["the picture", "edges between left and right", "edges between up and down", "spots"]
show_images(torch.cat([face[:, 1:-1, 1:-1], bright**0.7]), titles, columns=4, size=2.3)

# %% [markdown]
# The answer of a kernel is a picture again, so the next convolution can look for patterns *of* patterns: edges become
# lids and lips, lids become eyes. Between them the pictures shrink, so that each kernel sees a larger part of the face.
# Finally linear layers turn what was found where into 30 coordinates.
#
# For an input of width $W$, kernel size $K$, padding $P$ and stride $S$, a convolution or a pooling layer gives the width
#
# $$ W' = \left\lfloor \frac{W + 2P - K}{S} \right\rfloor + 1 $$
#
# Let us follow one picture through a few layers:

# %%
layers = [
    nn.Conv2d(1, 8, kernel_size=3, padding=1),
    nn.MaxPool2d(2),
    nn.Conv2d(8, 16, kernel_size=5),
    nn.Conv2d(16, 32, kernel_size=3, stride=2, padding=1),
    nn.Flatten(),
]
x = face[None]
print("the picture      ", tuple(x.shape))
for layer in layers:
    x = layer(x)
    print(f"{type(layer).__name__:17}", tuple(x.shape), f"  {count_parameters(layer):,} parameters")

# %% [markdown]
# **Task 3.** Write `KeypointModel` in `model.py`: its layers in `__init__`, what happens to a batch in `forward`.
# In come pictures (B, 1, 96, 96), out come coordinates (B, 30), for any batch size B. Its sizes come from the
# dictionary `hparams`, of which you find a first version, `HPARAMS`, at the top of the file.
#
# Start simple: two or three convolutions with ReLU that make the picture smaller, then one or two linear layers. You
# can come back and improve it when everything works.

# %% role="checks" grade_id="keypoints_model" points=10
check("keypoints_model")

# %%
model = KeypointModel(HPARAMS)
print(model)
print(f"{count_parameters(model):,} parameters, at most 5,000,000 are allowed")

# %% [markdown]
# ## 4. One step of training
#
# All of deep learning's training is this step, repeated:
#
# 1. forget the gradients of the last step (PyTorch *adds* new gradients to old ones),
# 2. let the model predict, and compute the loss,
# 3. compute the gradient of the loss with respect to each parameter,
# 4. let the optimizer move each parameter a little against its gradient.
#
# **Task 4.** Write `train_step` in `training.py`. It does these four things for one batch and returns the loss as a
# plain number.

# %% role="checks" grade_id="keypoints_training" points=10
check("keypoints_training")

# %% [markdown]
# ### The first test of any network: learn eight faces by heart
#
# Before you train for minutes, train for seconds. A network that cannot even memorise eight samples has a bug: a loss
# that does not belong to the outputs, a layer that is never reached, a learning rate that is far off. If it can, the
# loss falls towards 0.

# %%
seed_everything(9)
images, keypoints = train_data[:8]
model = KeypointModel(HPARAMS)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)

for step in range(101):
    loss = train_step(model, images, keypoints, optimizer)
    if step % 20 == 0:
        print(f"step {step:3}: loss {loss:.5f}")

# %% [markdown]
# Those eight it knows. And faces that it has never seen?

# %%
print(f"score on its eight faces:     {evaluate_model(model, TensorDataset(images, keypoints)):8.1f}")
print(f"score on the validation set:  {evaluate_model(model, val_data):8.1f}")

# %% [markdown]
# Learning by heart is not learning. This is **overfitting** in its purest form, and more different faces are the cure.
#
# ## 5. More faces for nothing
#
# New faces are expensive, but a mirror gives us twice as many. Careful: in a mirror the picture turns round, the sign of
# each x changes, *and left and right change their names*. What was the person's left eye is the right eye of the person
# in the mirror. If we forget that, half of the data teaches the network the opposite of the other half.
#
# **Task 5.** Write `flip_faces` in `training.py`. It takes a batch of pictures and keypoints and gives the mirrored
# batch. `FLIP_ORDER` in `faces.py` says which keypoints trade places.

# %% role="checks" grade_id="keypoints_flip" points=8
check("keypoints_flip")

# %% [markdown]
# A look at the result. The points must still sit where they belong. (Would you see in these pictures if the names had
# not been swapped? That is why a check is better than a look.)

# %%
images, keypoints = train_data[:3]
mirrored, mirrored_keypoints = flip_faces(images, keypoints)
show_keypoints(torch.cat([images, mirrored]), torch.cat([keypoints, mirrored_keypoints]))

# %% [markdown]
# Faces may also sit elsewhere, be tilted, larger or smaller, and stand in another light. `augmentation.py` has functions
# for that. Together they make a new variant of each face each time it is used:


# %%
def augment(images, keypoints, generator):
    if torch.rand((), generator=generator) < 0.5:
        images, keypoints = flip_faces(images, keypoints)
    images, keypoints = move_faces(images, keypoints, generator)
    return change_light(images, generator), keypoints


generator = torch.Generator().manual_seed(0)
images, keypoints = (tensor[:1].repeat(6, *[1] * (tensor.ndim - 1)) for tensor in train_data.tensors)
show_keypoints(*augment(images, keypoints, generator))

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
print(f"{len(history.train_loss)} epochs in {history.seconds:.0f} s; best was epoch {history.best_epoch}")

# %% [markdown]
# The score on the validation set, computed once more from the parameters that were kept:

# %%
print(f"mean face:  {dummy_score:6.1f}")
print(f"your model: {evaluate_model(model, val_data, metric='keypoint_score'):6.1f}")

# %% [markdown]
# Not enough yet, or eager for more? What usually helps, in this order: more channels or one more convolution;
# more epochs (and a larger `MAX_SECONDS`); batch normalisation after each convolution; a learning rate that is two
# times larger or smaller; stronger or weaker augmentation. Change one thing at a time and write down what it gave. When
# the validation loss lies far above the training loss, the network is too large or sees too few variants; when both are
# high, it is too small or has not finished.
#
# ## 6. What does it see?
#
# A score is one number. Pictures say what kind of mistakes the model makes. For that we want its predictions in
# pixels, made the way a finished model is used: dropout off, batch normalisation with its learned statistics, no gradients.
#
# **Task 6.** Write `predict_keypoints` in `training.py`. It takes a model and pictures (B, 1, 96, 96) and gives pixels
# (B, 15, 2). If the model came in training mode, it must leave in training mode, and the other way round.

# %% role="checks" grade_id="keypoints_predict" points=6
check("keypoints_predict")

# %%
images, keypoints = (tensor.to(device) for tensor in val_data.tensors)
predicted = predict_keypoints(model, images)
errors = (predicted - denormalize_keypoints(keypoints).reshape(-1, 15, 2)).norm(dim=2)

print("mean distance for each keypoint, in pixels")
distances = errors.mean(dim=0).tolist()
for distance, name in sorted(zip(distances, KEYPOINT_NAMES, strict=True)):
    print(f"  {name:27} {distance:4.1f}  " + "#" * round(40 * distance / max(distances)))

# %% [markdown]
# And the faces themselves. First the six on which the model is best, then the six on which it is worst; the number is the
# mean distance in pixels.

# %%
distances = errors.mean(dim=1).cpu()
order = distances.argsort()
chosen = torch.cat([order[:6], order[-6:]])
titles = [f"{distance:.1f}" for distance in distances[chosen].tolist()]
true, found = denormalize_keypoints(keypoints).cpu()[chosen], predicted.cpu()[chosen]
show_keypoints(images.cpu()[chosen], true, found, titles, in_pixels=True)

# %% [markdown]
# ## 7. Save and hand in
#
# `save_model` writes two files into `models/`, beside this notebook: the weights and the hyperparameters. With
# `keep_best` an earlier model stays when it scores higher on that dataset, so that an unlucky run costs you nothing.

# %%
path = save_model(model, "keypoints", HPARAMS, data_source=train_faces.source, keep_best=val_data)
# %% [markdown]
# Does it come back the same from disk? This is what the grader does: it makes a `KeypointModel` from the saved
# hyperparameters and fills in the saved weights. So when you change `model.py`, train and save again.

# %%
saved = load_model("keypoints", KeypointModel)
print(f"score of the saved model: {evaluate_model(saved, val_data, metric='keypoint_score'):.1f}")

# %% [markdown]
# **Task 7.** Hand in a model with at most 5 million parameters and 20 MB. Its points come in steps, so every step is
# worth having:
#
# | step | score on drawn faces | on photographs | points |
# |---|---|---|---|
# | beats the mean face | 30 | 75 | 10 |
# | half way | 60 | 105 | 20 |
# | passes | 100 | 150 | 40 |
#
# Scores are compared after rounding to one decimal. This check uses the validation set and says which step you have
# reached. The points come from faces that nobody has seen, where scores are a little lower or higher, so leave yourself
# some room. On drawn faces a score of 250 earns no more points, but a star on the leaderboard.
#
# Predicting 400 faces may take at most 120 seconds of computing time, all cores together. `save_model` tells you what
# your model takes.

# %% role="checks" grade_id="keypoints_score" points=40
check("keypoints_score")

# %% [markdown]
# ## Two questions
#
# Answer in your own words, three to five sentences each.

# %% [markdown] role="written" grade_id="written_convolution" points=5
# ### Task 8: why convolutions? (5 points)
#
# A fully connected network could also take the 9,216 pixels and answer 30 numbers. Compare a first layer that is fully
# connected with 64 units to one that is a 3×3 convolution with 64 channels: how many weights and biases does each have?
# And apart from their number: what does a convolution know about pictures from the start, which the other
# one must learn? Is there something about *our* task for which the last layers should be fully connected all the same?
#
# ### BEGIN SOLUTION
# The fully connected layer has 9,216 · 64 weights and 64 biases, 589,888 together. The convolution has 3 · 3 · 1 · 64
# weights and 64 biases, 640 together.
#
# A convolution only connects pixels that are near each other, and uses the same kernel everywhere. So it knows from
# the start that neighbouring pixels belong together, and that an eye looks the same wherever it is (its answer moves when
# the eye moves: it is equivariant to shifts). A fully connected layer would have to learn each of these from examples,
# for each place anew.
#
# Our answer is a place. What the convolutions found must be combined with *where* they found it, over the whole face, and
# a fully connected layer has a weight of its own for each place. Averaging over all places would lose just that.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 2 points: both numbers, 589,888 and 640 (1 point for each; a slip in arithmetic with a right formula costs half a
#   point).
# - 2 points: local connections (1) and shared weights or equivariance to shifts (1).
# - 1 point: the output depends on the position, which linear layers can read out (or: coordinates are global).
# - "A convolution is invariant to shifts" instead of equivariant: no point for that part.
# ### END MARKING GUIDE

# %% [markdown] role="written" grade_id="written_validation" points=5
# ### Task 9: which number can you trust? (5 points)
#
# A classmate tries 60 variants of her network. For each she keeps the epoch with the best validation score, and hands in
# the best variant: 231 on the validation set. The grader's new faces give it 214. Name two reasons why the first
# number was too good, although the network was never trained on the validation set. How could she have got
# an honest estimate before handing in? And why does mirroring the *training* faces not have this problem?
#
# ### BEGIN SOLUTION
# She chose the epoch by the validation score, and then the variant by the same score. Each score is the true quality plus
# some luck with these particular 400 faces, and whoever takes the best of many numbers picks luck along with quality.
# With 60 variants times many epochs there is a lot to pick from: she has fitted her choices to the validation set.
#
# An honest estimate needs faces that took no part in any choice: a third part of the data, a test set, used once
# at the very end (or several splits in turn for the choices, cross-validation, and still a test set for the last number).
#
# Mirrored training faces only change what the network is trained on. Nothing is chosen by looking at them, and the
# validation faces stay as they are and stay unseen. (A mirrored copy of a validation face in the training set, however,
# would be a leak.)
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 2 points: selection of the epoch (1) and selection among variants (1) by the same data; "luck", "noise" or
#   "overfitting to the validation set" must come up for full points.
# - 2 points: a separate test set (1) that is used only once, after all choices (1).
# - 1 point: augmentation changes the training data only, and nothing is selected by it.
# - "She trained on the validation set": no points for that part; the question rules it out.
# ### END MARKING GUIDE

# %% [markdown]
# ## What you learned
#
# - Regression with a network: outputs are numbers on a scale that suits it, the loss is the mean squared error.
# - A model that does not look tells you what a score is worth.
# - Convolutions find patterns wherever they are, linear layers turn them into coordinates.
# - A training step is four lines. Learning a few samples by heart tests all of them at once.
# - Augmentation must change pictures *and* labels, names included.
# - The set by which you choose is not the set that tells you how good your choice is.
#
# In the next exercise the network answers for *each pixel* what it shows: semantic segmentation.
#
# ## Hand in
#
# Fill in your answers above, save the notebook, and run this cell. It packs the notebook, your two modules and your model
# into a zip, and tries it out the way the grader will.

# %%
submit("ex09_keypoints")
