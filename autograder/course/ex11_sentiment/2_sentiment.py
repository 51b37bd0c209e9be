# %% [markdown]
# # Exercise 11, part 2: a network that reads
#
# **What you will build:** a network that reads a review word after word and remembers: an RNN cell, an LSTM cell, and the loop
# that runs it over padded reviews. Then the model that you train and hand in.
#
# **Time:** about two hours, of which your computer trains for a few minutes. **To pass:** 70 of 100 points, both parts together.
#
# **What you need:** [part 1](1_text.ipynb): words, vocabulary, batches, pairs. And your `train_step` of exercise 7.
#
# **Where you write code:** [layers.py](../../exercise_code/ex11_sentiment/layers.py) and
# [model.py](../../exercise_code/ex11_sentiment/model.py).
#
# | task | what you fill in | file | check | points |
# |---|---|---|---|---|
# | 1 to 7 | words, vocabulary, batches, vectors, pairs | part 1 | | 37 |
# | 8 | `RNNCell` | `layers.py` | `rnn_cell` | 6 |
# | 9 | `LSTMCell` | `layers.py` | `lstm_cell` | 9 |
# | 10 | `LSTM` | `layers.py` | `lstm_layer` | 9 |
# | 11 | `SentimentModel` | `model.py` | `sentiment_model` | 5 |
# | 12 | a trained model, worth points in three steps | this notebook | `sentiment_score` | 30 |
# | 13 | a written answer | this notebook | | 4 |

# %%
# %load_ext autoreload
# %autoreload 3
# %matplotlib inline

import time
from functools import partial

import torch
from torch import nn

from exercise_code import check, get_device, load_dataset, load_model, save_model, seed_everything, submit
from exercise_code.common.models import count_parameters
from exercise_code.common.training import cosine, train
from exercise_code.ex07_pytorch.training import train_step
from exercise_code.ex11_sentiment.batches import pad_sequences
from exercise_code.ex11_sentiment.behaviour import show_table, word_effects
from exercise_code.ex11_sentiment.layers import LSTM, LSTMCell, RNNCell
from exercise_code.ex11_sentiment.model import HPARAMS, SentimentModel
from exercise_code.ex11_sentiment.pictures import show_chain, show_effects, show_lstm
from exercise_code.ex11_sentiment.scoring import predict_reviews
from exercise_code.ex11_sentiment.text import Vocabulary, tokenize
from exercise_code.ex11_sentiment.training import ReviewLoader, hide_words

seed_everything(11)
device = get_device("auto")

train_reviews = load_dataset("imdb", split="train")
val_reviews = load_dataset("imdb", split="val")
train_words = [tokenize(text) for text in train_reviews.texts]
vocabulary = Vocabulary.build(train_words, min_count=2 if train_reviews.source == "embedded" else 10, max_words=8000)
train_numbers = [vocabulary.encode(words) for words in train_words]
val_numbers = [vocabulary.encode(tokenize(text)) for text in val_reviews.texts]
print("training on:", device)

# %% [markdown]
# ## Reading word after word
#
# You read this sentence from left to right, and at each word you know what came before. A **recurrent network** (RNN) does
# the same. It has a **hidden state**, a vector $h$, which is all it remembers. One **cell** takes the next word's vector
# $x$ and the state, and makes the new state:
#
# $$ h' = \tanh(W_{ih}\,x + b_{ih} + W_{hh}\,h + b_{hh}) $$
#
# The same cell, with the same parameters, reads every word, so reviews may have any length. The state after the last word
# goes to a linear layer that says praise or blame.

# %%
show_chain(["although", "the", "plot", "dragged"])

# %% [markdown]
# By hand for vectors of one number: let $W_{ih} = 2$, $W_{hh} = 0.5$, both biases 0, and the words 1 and 0. Then
# $h_1 = \tanh(2 \cdot 1 + 0.5 \cdot 0) = \tanh(2) = 0.96$ and $h_2 = \tanh(2 \cdot 0 + 0.5 \cdot 0.96) = \tanh(0.48) = 0.45$.
# The second word said nothing, and the state still knows of the first one, but fades.
#
# ## Task 8: the RNN cell (6 points)
#
# ●○○ · about 10 minutes · [layers.py](../../exercise_code/ex11_sentiment/layers.py)
#
# Write `RNNCell.forward`. The parameters are made already; `RNNCell.__init__` says which shapes they have.
#
# - **in:** `inputs`, float32 (B, D), one word of each review; `hidden`, float32 (B, H)
# - **out:** the new state, float32 (B, H)

# %% role="checks" grade_id="rnn_cell" points=6
check("rnn_cell")

# %%
cell = RNNCell(1, 1)
with torch.no_grad():
    for parameter, value in zip(cell.parameters(), [2.0, 0.5, 0.0, 0.0], strict=True):
        parameter.fill_(value)
    h1 = cell(torch.tensor([[1.0]]), torch.zeros(1, 1))
    h2 = cell(torch.tensor([[0.0]]), h1)
print(f"h1 = {h1.item():.2f}, h2 = {h2.item():.2f}")

# %% [markdown]
# You should see the two numbers from above, 0.96 and 0.45.
#
# ### What it forgets
#
# How much does the last state still depend on the first word? The gradient of the last state with respect to the first word
# tells us. At each step it is multiplied by $W_{hh}$ and by the slope of tanh, which is at most 1. $W_{hh}$ starts with small
# numbers, so each step shrinks the gradient (with large ones it could explode). After many steps little is left: **the gradient
# vanishes**, and what stood at the beginning of a review cannot be learned.

# %%
seed_everything(11)
cell = RNNCell(16, 16)
for steps in [1, 5, 10, 20, 40]:
    words = torch.randn(steps, 1, 16)
    first = words[0].clone().requires_grad_()
    hidden = cell(first, torch.zeros(1, 16))
    for word in words[1:]:
        hidden = cell(word, hidden)
    hidden.sum().backward()
    print(f"{steps:2} words: size of the gradient at the first one {first.grad.norm():.1e}")

# %% [markdown]
# You should see it fall by a factor of a hundred or more every ten words. If the cell ends with an `AttributeError` at 5 words,
# no gradient has reached the first word: your cell does not use the state before a word.
#
# ## A memory with gates
#
# An **LSTM** (long short-term memory) has a second vector beside the hidden state, the **memory** $c$. It is not pushed through
# a matrix at each step; it is kept, and only changed where the cell decides to. Three **gates**, numbers between 0 and 1,
# decide: $f$ how much of the memory is kept (*forget* gate), $i$ how much is written (*input* gate), $o$ how much is shown
# (*output* gate). What is written is $g$, the *candidate*.
#
# $$ c' = f \cdot c + i \cdot g \qquad h' = o \cdot \tanh(c') $$
#
# Products are element by element. Each of the four is made from $x$ and $h$ as in an RNN cell, $f$, $i$ and $o$ with a sigmoid,
# $g$ with tanh. With $f = 1$ and $i = 0$, the memory stays as it is over any number of words, and so does the gradient.

# %%
show_lstm()

# %% [markdown]
# By hand for one number: let $c = 2$, $f = 0.9$, $i = 0.5$, $g = -1$, $o = 1$. Then $c' = 0.9 \cdot 2 + 0.5 \cdot (-1) = 1.3$ and
# $h' = \tanh(1.3) = 0.86$.
#
# All four are computed at once: the matrices have $4H$ rows, those of $i$ first, then $f$, $g$, $o$. This is PyTorch's order;
# other libraries have other ones, and if two gates are swapped no error tells you.
#
# ## Task 9: the LSTM cell (9 points)
#
# ●●○ · about 20 minutes · [layers.py](../../exercise_code/ex11_sentiment/layers.py)
#
# Write `LSTMCell.forward`.
#
# - **in:** `inputs`, float32 (B, D); `state`, a tuple of $h$ and $c$, each float32 (B, H)
# - **out:** a tuple of the new $h$ and the new $c$, each float32 (B, H)
#
# <details><summary>Hint 1: where to look</summary>
#
# The sum inside the tanh of your RNN cell is the same here, four times as wide.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# One sum, (B, 4H). Cut it into four parts in the order i, f, g, o. Three sigmoids and one tanh; then the two formulas.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `a_i, a_f, a_g, a_o = total.chunk(4, dim=1)`. The new hidden state uses the *new* memory.
#
# </details>

# %% role="checks" grade_id="lstm_cell" points=9
check("lstm_cell")

# %% [markdown]
# The experiment from above once more. An LSTM whose forget gate starts near 1 (a bias of 4) hands the gradient on:

# %%
seed_everything(11)
cell = LSTMCell(16, 16)
with torch.no_grad():
    cell.bias_ih[16:32] = 4.0
for steps in [1, 5, 10, 20, 40]:
    words = torch.randn(steps, 1, 16)
    first = words[0].clone().requires_grad_()
    state = cell(first, (torch.zeros(1, 16), torch.zeros(1, 16)))
    for word in words[1:]:
        state = cell(word, state)
    state[0].sum().backward()
    print(f"{steps:2} words: size of the gradient at the first one {first.grad.norm():.1e}")

# %% [markdown]
# You should see it stay within about a factor of ten. It may go up and down, as each line draws new words. If it falls to about
# 1e-7 instead, two gates are swapped: the second quarter of the rows belongs to the forget gate.
#
# ## Reviews of different lengths
#
# In a batch all reviews are read at once, word 0 of each, word 1 of each, and so on. Short reviews end earlier. Whatever
# comes after is padding, and must change nothing: **the state of a review stops at its end**. That is easy to get wrong
# and hard to see, since the model learns all the same, only worse.
#
# `torch.where` chooses for each row whether it takes the new state or keeps the old one. Here the second review has ended:

# %%
lengths = torch.tensor([3, 2])
old, new = torch.tensor([[1.0, 1.0], [2.0, 2.0]]), torch.tensor([[7.0, 7.0], [8.0, 8.0]])
going = (lengths > 2)[:, None]
print("still going at word 2:", going.ravel().tolist())
print(torch.where(going, new, old))

# %% [markdown]
# ## Task 10: an LSTM for padded reviews (9 points)
#
# ●●● · about 25 minutes · [layers.py](../../exercise_code/ex11_sentiment/layers.py)
#
# Write `LSTM.forward`, with `self.cell`.
#
# - **in:** `inputs`, float32 (B, T, D); `lengths`, int64 (B,)
# - **out:** the hidden states after each word, float32 (B, T, H), zero after the end of a review; and a tuple of the last $h$
#   and the last $c$ of each review, float32 (B, H)
#
# <details><summary>Hint 1: where to look</summary>
#
# The experiment above runs a cell over words. The docstring says how to pick word t of all reviews.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# A loop over t. Compute new states for all reviews, then keep the old ones where `t < lengths` does not hold. Collect the
# hidden states in a list.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `t < lengths`, with `[:, None]` after it, has the shape (B, 1); call it `going`. Then `torch.where(going, new, old)` for both
# states, the new hidden state times `going` for the outputs, and one stack along axis 1 at the end.
#
# </details>

# %% role="checks" grade_id="lstm_layer" points=9
check("lstm_layer")

# %% [markdown]
# ### The same, faster
#
# PyTorch's `nn.LSTM` computes the same numbers in compiled code. Padding is left out before it starts: **packing**
# (`pack_padded_sequence`) keeps only the words that are there, so it computes nothing for the rest.

# %%
seed_everything(11)
mine, theirs = LSTM(32, 32), nn.LSTM(32, 32, batch_first=True)
with torch.no_grad():
    for name, parameter in mine.cell.named_parameters():
        getattr(theirs, f"{name}_l0").copy_(parameter)

inputs, lengths = torch.randn(64, 60, 32), torch.randint(10, 61, (64,))
with torch.no_grad():
    start = time.perf_counter()
    outputs, _ = mine(inputs, lengths)
    middle = time.perf_counter()
    packed = nn.utils.rnn.pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
    again, _ = nn.utils.rnn.pad_packed_sequence(theirs(packed)[0], batch_first=True, total_length=60)
    end = time.perf_counter()

print(f"yours: {1000 * (middle - start):.0f} ms, torch's: {1000 * (end - middle):.0f} ms")
print(f"largest difference: {(outputs - again).abs().max():.1e}")

# %% [markdown]
# You should see a difference below 1e-6, and the second one a few times faster. From here on, use PyTorch's.
#
# ## The model
#
# `SentimentModel` gets `tokens` alone, (B, T): the lengths follow from the padding. Three parts are worth having:
#
# - **words:** a bag of words, as in part 1;
# - **pairs:** a bag of pairs. On real reviews, this is most of what there is to win;
# - **a reader:** an embedding, an `nn.LSTM` in both directions (a second one reads from right to left, so each word knows
#   what comes after it), and a linear layer on what it found.
#
# What does the linear layer get? The last state, or the **maximum over all words** of each output. The maximum finds
# "although" wherever it stands. Padding must not take part: its outputs are set to minus infinity before.

# %%
outputs = torch.tensor([[[-0.5, 0.25], [-0.25, -0.75], [0.0, 0.0]]])
padding = torch.tensor([[False, False, True]])
print("with padding:   ", outputs.amax(dim=1).tolist())
print("without padding:", outputs.masked_fill(padding[..., None], -torch.inf).amax(dim=1).tolist())

# %% [markdown]
# ## Task 11: the model (5 points)
#
# ●●● · about 25 minutes · [model.py](../../exercise_code/ex11_sentiment/model.py)
#
# Write `SentimentModel`. `hparams["words"]` holds the words of the vocabulary in one text: it is saved with the model, because
# the grader sends raw reviews and needs your vocabulary to read them.
#
# - **in:** `tokens`, int64 (B, T), padded on the right, for any B and T
# - **out:** logits of blame and praise, float32 (B, 2), which depend neither on padding nor on the other reviews
#
# Start with the reader alone. You can add the bags when everything works. Let the weights of a bag start at 0, as in part 1:
# then the bags say nothing at first and do not disturb the reader.
#
# <details><summary>Hint 1: where to look</summary>
#
# Packing is two cells above, the maximum one cell above, the bags are in part 1.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Tokens → vectors → packed → LSTM → unpacked (B, T, 2H) → maximum over words (B, 2H) → linear (B, 2). The logits of the bags are
# added at the end.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `lengths = (tokens != 0).sum(dim=1)`, and `lengths.cpu()` for packing. `bidirectional=True` doubles the size of the outputs.
# `pad_packed_sequence(..., total_length=tokens.shape[1])` gives back as many words as came.
#
# </details>

# %% role="checks" grade_id="sentiment_model" points=5
check("sentiment_model")

# %%
hparams = {**HPARAMS, "words": " ".join(vocabulary.words)}
model = SentimentModel(hparams)
print(model)
print(f"{count_parameters(model):,} parameters, at most 2,000,000 are allowed")
print(f"{len(hparams['words'].encode()):,} bytes of words; all hyperparameters together may have 65,536")

# %% [markdown]
# ### First, four reviews by heart
#
# A network that cannot learn four reviews has a bug, and it takes a second to see that.

# %%
seed_everything(11)
model = SentimentModel(hparams)
tokens, _ = pad_sequences(train_numbers[:4])
labels = torch.as_tensor(train_reviews.labels[:4])
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
for step in range(31):
    loss = train_step(model, tokens, labels, optimizer)
    if step % 10 == 0:
        print(f"step {step:2}: loss {loss:.4f}")

# %% [markdown]
# **Expect** about 0.7 at first (that is $\ln 2$, the loss of guessing) and below 0.05 at step 30. If not:
#
# - It starts well above 0.7: do the weights of your bags start at 0?
# - It stays near 0.7: does `forward` look at `tokens`?
# - It stops at 0.31: is there a softmax in `forward`, or a sigmoid?
# - It falls slowly: is the reader's part added at all?
#
# ## Training
#
# One more thing before it starts. On made-up reviews a fifth of the words are unknown in validation and none in training, so
# the model would have no practice. `hide_words` makes a small share of the words unknown in each batch. Too large a share
# hides the very words that decide: without its "not", a negation has the wrong label.

# %%
tokens, _ = pad_sequences(train_numbers[2:3])
hidden, _ = hide_words(tokens, labels, torch.Generator().manual_seed(1), share=0.1)
print(" ".join(vocabulary.decode(hidden[0].tolist())))

# %%
NUM_EPOCHS = 6
BATCH_SIZE = 64
LEARNING_RATE = 1e-2
HIDDEN_SHARE = 0.02
MAX_LENGTH = 400
MAX_SECONDS = 180

# %%
seed_everything(11)
model = SentimentModel(hparams).to(device)

history = train(
    model,
    ReviewLoader(train_numbers, train_reviews.labels, BATCH_SIZE, MAX_LENGTH, seed=11),
    ReviewLoader(val_numbers, val_reviews.labels, BATCH_SIZE, MAX_LENGTH),
    loss=nn.functional.cross_entropy,
    step=train_step,
    optimizer=torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE),
    metric="accuracy",
    num_epochs=NUM_EPOCHS,
    schedule=cosine,
    augment=partial(hide_words, share=HIDDEN_SHARE),
    max_seconds=MAX_SECONDS,
    seed=11,
)
print(
    f"{len(history.train_loss)} of {NUM_EPOCHS} epochs in {history.seconds:.0f} s; best was epoch {history.best_epoch} "
    f"with an accuracy of {history.best_score:.3f}"
)
print("why it stopped:", history.stopped)

# %% [markdown]
# **Expect** about 0.7 after the first epoch, as with single words, then a jump to 0.87 or more, and above 0.99 in the end, on
# made-up reviews. An epoch took 7 seconds on one core. If not:
#
# - It stays near 0.77: only the bags learn. With a learning rate of 3e-3 and a tenth of the words hidden, all three runs
#   stayed between 0.74 and 0.78. With 1e-2 and a fiftieth, all four runs reached 0.99.
# - It ends near 0.95: dropout of 0.3 did that in one run; 0.1 was right.
# - It jumps about and does not settle: halve the learning rate.
# - It stopped because time was up: raise `MAX_SECONDS`.
# - It does well here and not in the grader: was the model saved with another vocabulary?
#
# On real reviews, most of the score comes from the bags. Four things help there:
#
# - Count each word and pair once per review, however often it occurs.
# - Add a bag of triples (the pairs of neighbouring pairs) and one of pairs with a word between them.
# - Make room: half a million buckets per bag, with one number per bucket instead of two.
# - Let the reader learn slowly, or leave it out. One that learns as fast as the bags takes over before they have learned.
#
# ### What does it understand now?


# %%
def model_answers(texts):
    return predict_reviews(tokenize, vocabulary, model, texts)


show_table({"your model": model_answers})

# %% [markdown]
# **Expect** nearly all of each kind right. In part 1 contrast was guesswork. If negation or contrast is still at half, the reader
# has not learned; if names matter, hide more words in training.
#
# And which words moved the answer? Type a review of your own:

# %%
my_review = "Although the plot was great, the songs were not funny."

leaning, effects = word_effects(lambda rows: predict_reviews(list, vocabulary, model, rows), tokenize(my_review))
show_effects(tokenize(my_review), effects, f"{'praise' if leaning > 0 else 'blame'} ({leaning:+.1f})")

# %% [markdown]
# > **Think.** To a bag of words "funny" is praise. Here, its bar points towards blame. Is that a mistake?
#
# <details><summary>Open this when you have an answer.</summary>
#
# No. The effect of a word is measured *while all others stay*. After "not", the word "funny" makes blame, and without it "the
# songs were not" says hardly anything. In a bag a word has the same effect wherever it stands; this model reads it beside its
# neighbours. "although" has an effect, too: it takes weight from the first clause.
#
# </details>
#
# ## Save the model

# %%
path = save_model(model, "sentiment", hparams, data_source=train_reviews.source)

# %% [markdown]
# The grader makes a `Vocabulary` from the saved words and a `SentimentModel` from the saved hyperparameters, cuts raw reviews
# with your `tokenize`, and fills in the saved weights. The cell below does what the grader does. If you change one of these
# parts, train and save again.

# %%
saved = load_model("sentiment", SentimentModel)
logits = predict_reviews(tokenize, Vocabulary(saved.hparams["words"].split()), saved, val_reviews.texts)
print(f"accuracy of the saved model: {(logits.argmax(axis=1) == val_reviews.labels).mean():.3f}")

# %% [markdown]
# ## Task 12: a trained model (30 points)
#
# ●●● · about 20 minutes · in this notebook
#
# Hand in the best model that you can get. The points come in steps:
#
# | step | accuracy on made-up reviews | on real ones | points |
# |---|---|---|---|
# | beats single words | 0.72 | 0.89 | 7.5 |
# | half way | 0.84 | 0.895 | 15 |
# | passes | 0.95 | 0.9 | 30 |
#
# - **in:** what `save_model` wrote: at most 2 million parameters, 10 MB, 64 KB of hyperparameters with all words, and 120 seconds
#   of computing time for all reviews
# - **out:** the accuracy, compared after rounding to three decimals
#
# This check uses the validation set, and asks the small reviews of part 1, too; those bring no points, but say what a model
# does not understand. The points come from reviews that nobody has seen. With 0.99 on made-up reviews, or 0.915 on real ones,
# there is a star on the leaderboard.

# %% role="checks" grade_id="sentiment_score" points=30
check("sentiment_score")

# %% [markdown] role="written" grade_id="written_reader" points=4
# ## Task 13: why does it remember? (4 points)
#
# ●●○ · about 10 minutes · answer in this cell
#
# Three to five sentences for each question are enough.
#
# 1. In the experiment with forty words, the gradient vanishes in the RNN cell and hardly in the LSTM cell. Explain both with
#    the formulas for $h'$ and $c'$.
# 2. A classmate forgets `torch.where` in Task 10: the state goes on through the padding. Training and validation use batches by
#    length and her accuracy is fine. Why, and when will it not be?
#
# ### BEGIN SOLUTION
# 1. In the RNN each step multiplies the gradient by the transposed W_hh and by the slope of tanh, which is at most 1; forty such
# factors make it tiny (or huge, if W_hh is large). In the LSTM the derivative of c' with respect to c is f, element by element,
# without a matrix and without tanh. Where f is near 1, forty steps change hardly anything.
#
# 2. In batches by length all reviews are about equally long, so there is hardly any padding that could do harm. A review's
# answer still depends on its neighbours: among longer reviews, or alone with padding, its state is changed by steps over
# padding that it has never been trained on. It fails as soon as batches are mixed, or when the grader pads differently.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 1 point: repeated factors (W_hh and the slope of tanh) in the RNN.
# - 1 point: the factor is f, near 1, in the LSTM's memory.
# - 1 point: batches by length have hardly any padding.
# - 1 point: it fails in batches of mixed lengths, or with other padding than in training.
# - "The LSTM has more parameters": no point for that part.
# ### END MARKING GUIDE

# %% [markdown]
# ## What you learned
#
# - A recurrent cell reads one word at a time and hands on a state. An LSTM's memory is kept unless gates change it.
# - Padding must not change an answer. A test with one review alone and in a batch shows whether it does.
# - Simple parts and a clever part can share one model, each for what it does best.
# - Tests of behaviour say what a score does not: negation, contrast, names.
#
# ## Hand in
#
# Fill in your answers in both notebooks, save them, and run this cell. It packs notebooks, modules and your model into a zip,
# and tries it out the way the grader will.

# %%
submit("ex11_sentiment")

# %% [markdown]
# ## Read on
#
# - [LSTM](https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html) in PyTorch's documentation.
# - [Understanding LSTM Networks](https://colah.github.io/posts/2015-08-Understanding-LSTMs/), Christopher Olah, 2015: gates in
#   pictures.
# - [Long Short-Term Memory](https://www.bioinf.jku.at/publications/older/2604.pdf), Hochreiter and Schmidhuber, 1997: the
#   paper.
