# %% [markdown]
# # Exercise 11, part 1: from text to numbers
#
# **What you will build:** everything between a film review and a tensor: words, a vocabulary, batches of reviews of
# different lengths, and vectors for words. Then the best simple model there is for such texts, and a look at where it fails.
# In [part 2](2_sentiment.ipynb) a recurrent network reads the words in their order. You hand in a trained model.
#
# **Time:** about two hours for this part, two more for part 2. **To pass:** 70 of 100 points, both parts together.
#
# **What you need:** PyTorch's tensors, `nn.Module` and autograd, and the `train_step` that you wrote in exercise 7. All models
# here learn with it.
#
# **Where you write code:** [text.py](../../exercise_code/ex11_sentiment/text.py),
# [batches.py](../../exercise_code/ex11_sentiment/batches.py), [layers.py](../../exercise_code/ex11_sentiment/layers.py) and
# [model.py](../../exercise_code/ex11_sentiment/model.py).
#
# | task | what you fill in | file | check | points |
# |---|---|---|---|---|
# | 1 | `tokenize` | `text.py` | `text_tokens` | 5 |
# | 2 | `Vocabulary.build`, `Vocabulary.encode` | `text.py` | `text_vocabulary` | 7 |
# | 3 | `pad_sequences` | `batches.py` | `batches_padding` | 5 |
# | 4 | `batches_by_length` | `batches.py` | `batches_lengths` | 5 |
# | 5 | `Embedding` | `layers.py` | `embedding` | 7 |
# | 6 | `pair_numbers` | `model.py` | `sentiment_pairs` | 4 |
# | 7 | a written answer | this notebook | | 4 |
# | 8 to 13 | recurrent cells, the model, its training | part 2 | | 63 |
#
# The dots under each task say how hard it is, from ●○○ to ●●●. Questions marked **Think** earn no points: decide on an
# answer before you unfold ours.
#
# Run this cell first. Its first two lines make sure that the notebook always uses your files as they are on disk.

# %%
# %load_ext autoreload
# %autoreload 3
# %matplotlib inline

import numpy as np
import torch
from torch import nn

from exercise_code import check, load_dataset, seed_everything
from exercise_code.common.training import cosine, train
from exercise_code.ex07_pytorch.training import train_step
from exercise_code.ex11_sentiment.batches import batches_by_length, pad_sequences
from exercise_code.ex11_sentiment.behaviour import show_table, word_effects
from exercise_code.ex11_sentiment.layers import Embedding
from exercise_code.ex11_sentiment.model import pair_numbers
from exercise_code.ex11_sentiment.pictures import show_effects, show_lengths, show_padding, show_pairs
from exercise_code.ex11_sentiment.scoring import predict_reviews
from exercise_code.ex11_sentiment.text import Vocabulary, tokenize
from exercise_code.ex11_sentiment.training import ReviewLoader

# %% [markdown]
# ## Why sentiment?
#
# A shop has ten thousand reviews of one kettle and wants to know what people think of it. Nobody reads ten thousand
# reviews. Whether a text praises or blames is called its **sentiment**. It is one of the oldest tasks for networks that read,
# and a good one: the answer is one of two, everybody can judge it, and "not bad" is enough to fool a simple model.
#
# ## The data
#
# There are two kinds of reviews in the same form: made-up ones (`embedded`), in which one to six short sentences
# tell of a film that never was, and real ones from IMDb (`real`). **The grader uses the made-up ones, unless your
# instructor has announced real ones.** The first lines that this cell prints say which kind you have.
#
# Nothing is downloaded here: real reviews are only used if they are on your computer already.
# `load_dataset("imdb", source="real")` fetches them once (84 MB).

# %%
seed_everything(11)

train_reviews = load_dataset("imdb", split="train")
val_reviews = load_dataset("imdb", split="val")

print(f"{len(train_reviews):,} reviews for training, {len(val_reviews):,} for validation")
for i in [2, 3, 8]:
    print()
    print("praise:" if train_reviews.labels[i] else "blame: ", train_reviews.texts[i][:400])

# %% [markdown]
# You should see 8,000 and 1,000 made-up reviews. Half of them praise. Names of people and films differ between training and
# validation: a model cannot learn by heart that everybody loves a certain actor. If it is the wrong kind, add a cell above with
# `import os; os.environ["DATASETS_SOURCE"] = "embedded"` (or `"real"`), and run both: the checks then use the same kind.
#
# ## Words
#
# A network takes numbers, so a text must first be cut into pieces that can be counted: its **tokens**. Here, they are words.
# Even that needs decisions. Is "Dull" another word than "dull"? We say no, and make everything lower case. Are "didn't" one
# word or two? We keep it as one, because "didn" and "t" say less. And in reviews from the web there are line breaks, written
# `<br />`.
#
# Regular expressions find such pieces. `re.findall` lists all pieces that match a pattern:

# %%
import re

print(re.findall(r"[a-z]+", "it's 8 o'clock"))
print(re.findall(r"[a-z0-9]+", "it's 8 o'clock"))
print(re.findall(r"[a-z]+(?:-[a-z]+)*", "a well-made, slow - very slow - film"))

# %% [markdown]
# The last pattern reads: letters, and then any number of times a hyphen with letters after it. So "well-made" is one match,
# and a hyphen between spaces is none.
#
# ## Task 1: words (5 points)
#
# ●●○ · about 15 minutes · [text.py](../../exercise_code/ex11_sentiment/text.py)
#
# Write `tokenize`.
#
# - **in:** a text, a `str`
# - **out:** its words in lower case and in their order, a list of `str`
#
# <details><summary>Hint 1: where to look</summary>
#
# The last example above treats hyphens as you need to treat apostrophes. The docstring names a pattern for letters and
# digits of all languages.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Three steps: lower case; line breaks become spaces; all matches of one pattern.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# The pattern of a line break is `<br`, perhaps spaces, perhaps a slash, `>`. A word is `[^\W_]+`, and then any number of times
# an apostrophe with `[^\W_]+` after it, in a group that starts with `?:`.
#
# </details>

# %% role="checks" grade_id="text_tokens" points=5
check("text_tokens")

# %% [markdown]
# A review in words, and how many words reviews have:

# %%
train_words = [tokenize(text) for text in train_reviews.texts]
val_words = [tokenize(text) for text in val_reviews.texts]
lengths = [len(words) for words in train_words]

print(train_words[2])
show_lengths(lengths)

# %% [markdown]
# You should see lengths from 3 to 78 for the made-up reviews, with a median of 34.
#
# ## A vocabulary
#
# Each word gets a number. Two numbers are reserved: **0 for padding**, which fills up short reviews, and **1 for unknown
# words**, since reviews to come use words that we have never seen. By hand, for the list `["the", "plot", "was"]`: `the` is 2,
# `plot` is 3, `was` is 4, and `the ending was` becomes 2, 1, 4.
#
# Rare words teach a model little and cost parameters. So a vocabulary keeps the frequent ones only. `Counter` counts:

# %%
from collections import Counter

counts = Counter()
counts.update(["a", "slow", "film"])
counts.update(["a", "good", "film", "a"])
print(counts)
print(sorted(counts.items(), key=lambda pair: pair[1]))

# %% [markdown]
# ## Task 2: the vocabulary (7 points)
#
# ●●○ · about 20 minutes · [text.py](../../exercise_code/ex11_sentiment/text.py)
#
# Write `Vocabulary.build`, which chooses the words, and `Vocabulary.encode`, which turns words into numbers.
#
# - **in:** for `build`, a list of lists of words, `min_count` and `max_words`; for `encode`, a list of words
# - **out:** for `build`, a `Vocabulary`; for `encode`, a list of `int`
#
# <details><summary>Hint 1: where to look</summary>
#
# The cell above counts and sorts. `__init__` in the file has made the dict that `encode` needs.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Count all words; sort by decreasing count, then alphabetically; leave out what is too rare; cut the list.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# A key that is a pair sorts by its first part and, where that is equal, by its second: `(-count, word)`. A slice
# `[:max_words]` takes all when `max_words` is `None`.
#
# </details>

# %% role="checks" grade_id="text_vocabulary" points=7
check("text_vocabulary")

# %%
vocabulary = Vocabulary.build(train_words, min_count=2, max_words=8000)
print(f"{len(vocabulary)} numbers; the most frequent words: {vocabulary.words[:12]}")

train_numbers = [vocabulary.encode(words) for words in train_words]
val_numbers = [vocabulary.encode(words) for words in val_words]
print("numbers:", val_numbers[0][:12])
print("words:  ", vocabulary.decode(val_numbers[0][:12]))

for name, rows in [("training", train_numbers), ("validation", val_numbers)]:
    unknown = np.mean([number == 1 for row in rows for number in row])
    print(f"unknown words in {name}: {unknown:.1%}")

# %% [markdown]
# You should see 421 numbers for the made-up reviews. In training no word is unknown, in validation nearly a
# fifth are: names and nouns there are new. Whatever the model learns about the number 1, it must learn from training, where it
# does not occur. Part 2 comes back to that.
#
# ## Batches
#
# A tensor is a rectangle, and reviews have different lengths. So short ones are filled up with 0, on the right, to the length
# of the longest review in the batch:

# %%
example = torch.full((2, 4), 0)
example[0, :4] = torch.tensor([7, 3, 9, 4])
example[1, :2] = torch.tensor([5, 8])
print(example)

# %% [markdown]
# ## Task 3: padding (5 points)
#
# ●○○ · about 10 minutes · [batches.py](../../exercise_code/ex11_sentiment/batches.py)
#
# Write `pad_sequences`.
#
# - **in:** a list of B lists of ints
# - **out:** `tokens`, int64 (B, T), and `lengths`, int64 (B,), how many numbers each row had before padding

# %% role="checks" grade_id="batches_padding" points=5
check("batches_padding")

# %% [markdown]
# Padding costs time: the network computes on it as on words. Reviews in random order make it worse, because one long review
# makes the whole batch long. If reviews of similar lengths go together, hardly any padding is needed. By hand: lengths 2, 9, 3
# and 8 in batches of two. In this order, rows of 9 and 8 make tensors of 2 · 9 + 2 · 8 = 34 cells for 22 words; sorted, they
# have 2 · 3 + 2 · 9 = 24 cells. The sorted batches are `[[0, 2], [3, 1]]`: reviews 0 and 2, with 2 and 3 words, and then
# reviews 3 and 1, with 8 and 9 words.
#
# ## Task 4: batches by length (5 points)
#
# ●○○ · about 10 minutes · [batches.py](../../exercise_code/ex11_sentiment/batches.py)
#
# Write `batches_by_length`.
#
# - **in:** `lengths`, a list of ints; `batch_size`
# - **out:** a list of batches, each a list of indices into `lengths`; the shortest reviews come first

# %% role="checks" grade_id="batches_lengths" points=5
check("batches_lengths")

# %%
in_order = [list(range(start, min(start + 64, len(lengths)))) for start in range(0, len(lengths), 64)]
by_length = batches_by_length(lengths, 64)
show_padding(
    {
        "as they come": [lengths[i] for i in in_order[60]],
        "by length": [lengths[i] for i in by_length[60]],
    }
)
for name, batches in [("as they come", in_order), ("by length", by_length)]:
    cells = sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)
    print(f"{name:13} {cells:9,} cells for {sum(lengths):,} words: {1 - sum(lengths) / cells:.0%} padding")

# %% [markdown]
# You should see about 50 % padding as they come, and 1 % by length: half of the training time is saved. The batches
# themselves still come in random order in training, or the network would see all short reviews first. `ReviewLoader` in
# [training.py](../../exercise_code/ex11_sentiment/training.py) does that with your two functions.
#
# ## Vectors for words
#
# The number 17 says nothing about a word: 18 is not more of it. A network needs a **vector** for each word, and since
# nobody knows good ones, they are parameters: a matrix with a row for each word. Looking up a row is all that an
# **embedding** does. It gives the same as a one-hot vector times the matrix, without the many products with 0:

# %%
weight = torch.tensor([[0.0, 0.0], [0.5, 0.1], [2.0, -1.0], [3.0, 4.0]])
one_hot = torch.tensor([0.0, 0.0, 0.0, 1.0])
print("one-hot times matrix:", (one_hot @ weight).tolist(), "  row 3:", weight[3].tolist())
print("several at once:", weight[torch.tensor([3, 2, 3])].tolist())

# %% [markdown]
# Gradients go to the rows that were looked up, and to no others. If a word occurs twice, its gradients add up. Padding is no
# word: its vector is zero and must stay so.
#
# ## Task 5: the embedding (7 points)
#
# ●●○ · about 15 minutes · [layers.py](../../exercise_code/ex11_sentiment/layers.py)
#
# Write `Embedding.forward`. The matrix, `self.weight`, is made already.
#
# - **in:** `tokens`, int64 of any shape
# - **out:** float32 of this shape and one more axis; zeros where `tokens` is 0, and no gradient from there
#
# <details><summary>Hint 1: where to look</summary>
#
# The cell above looks up several rows at once.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Look everything up, padding too, then multiply by 1 where there is a word and by 0 where there is padding. The product
# stops the gradient as well: the derivative of $0 \cdot w$ is 0.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `(tokens != PADDING)` has the shape of `tokens`. It needs a last axis of length 1, so that each vector is multiplied as a
# whole.
#
# </details>

# %% role="checks" grade_id="embedding" points=7
check("embedding")

# %%
layer = Embedding(len(vocabulary), size=4)
tokens, _ = pad_sequences([vocabulary.encode(["not", "dull"]), vocabulary.encode(["dull"])])
print("tokens: ", tokens.tolist())
print("vectors:", tuple(layer(tokens).shape))
print(layer(tokens).detach().numpy().round(2))

# %% [markdown]
# ## The best simple model first
#
# Before anything clever: what do we get from counting words? A **bag of words** gives each word two numbers, one for blame
# and one for praise, and adds them up over the review. As in a bag, the order is gone: only how often each word occurs counts.
# All that it takes is an embedding of size 2, which starts at 0, and a sum. (The division by the root of
# the length keeps long reviews from shouting.) PyTorch's `nn.Embedding` with `padding_idx=0` does what yours does.


# %%
class BagOfWords(nn.Module):
    def __init__(self, num_words):
        super().__init__()
        self.scores = nn.Embedding(num_words, 2, padding_idx=0)
        nn.init.zeros_(self.scores.weight)

    def forward(self, tokens):
        lengths = (tokens != 0).sum(dim=1, keepdim=True)
        return self.scores(tokens).sum(dim=1) / lengths.sqrt()


def fit(model, num_epochs, lr):
    return train(
        model,
        ReviewLoader(train_numbers, train_reviews.labels, batch_size=64, max_length=400, seed=11),
        ReviewLoader(val_numbers, val_reviews.labels, batch_size=64, max_length=400),
        loss=nn.functional.cross_entropy,
        step=train_step,
        optimizer=torch.optim.AdamW(model.parameters(), lr=lr),
        metric="accuracy",
        num_epochs=num_epochs,
        schedule=cosine,
        seed=11,
    )


# %%
words_model = BagOfWords(len(vocabulary))
history = fit(words_model, num_epochs=4, lr=0.03)
print(f"best accuracy: {history.best_score:.3f} (epoch {history.best_epoch}); it stopped: {history.stopped}")

# %% [markdown]
# **Expect** 0.68 to 0.70 on made-up reviews (about 0.89 on real ones), where guessing gets 0.5. If it stays at 0.5, look at
# `encode`: are all words unknown?
#
# What did it learn? These are the words with the largest difference between praise and blame:

# %%
praise = (words_model.scores.weight[:, 1] - words_model.scores.weight[:, 0]).detach()
order = praise[2:].argsort().tolist()
print("blame: ", [vocabulary.words[i] for i in order[:10]])
print("praise:", [vocabulary.words[i] for i in order[-10:]])

# %% [markdown]
# ### Pairs of words
#
# "not dull" is praise, "not" and "dull" are not. So we count **pairs of neighbours**, too. There is a difficulty: 8,000 words
# make 64 million pairs. We do not list them. Each pair is thrown into one of a limited number of buckets, by a rule that
# mixes well; this is called **hashing**:
#
# $$ 1 + (10007\,a + b) \bmod (K - 1) $$
#
# for words with the numbers $a$ and $b$ and $K$ buckets, of which number 0 is for padding. By hand for $a = 2$, $b = 3$ and
# $K = 101$: $10007 \cdot 2 + 3 = 20017$, the remainder of 20017 by 100 is 17, and 1 more makes 18. Two pairs may land in one
# bucket. If there are many buckets, that is rare and does little harm.

# %% [markdown]
# ## Task 6: pairs (4 points)
#
# ●●○ · about 10 minutes · [model.py](../../exercise_code/ex11_sentiment/model.py)
#
# Write `pair_numbers`.
#
# - **in:** `tokens`, int64 (B, T), padded on the right; `num_buckets`, K
# - **out:** int64 (B, T − 1), the bucket of each word and its right neighbour; 0 where one of the two is padding
#
# <details><summary>Hint 1: where to look</summary>
#
# Two slices of `tokens`, each T − 1 wide, hold the left and the right words of all pairs.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# The formula works on whole tensors. Padding is put to 0 at the end, as in Task 5.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `%` is the remainder, also for tensors. If the right word is padding, there is no pair. If the left word is padding, so is
# the right one, so testing the right one is enough.
#
# </details>

# %% role="checks" grade_id="sentiment_pairs" points=4
check("sentiment_pairs")

# %%
sentence = ["the", "plot", "was", "not", "dull"]
tokens = torch.tensor([vocabulary.encode(sentence)])
show_pairs(sentence, pair_numbers(tokens, 20_000)[0].tolist())


# %%
class BagOfPairs(BagOfWords):
    def __init__(self, num_words, num_buckets):
        super().__init__(num_words)
        self.num_buckets = num_buckets
        self.pair_scores = nn.Embedding(num_buckets, 2, padding_idx=0)
        nn.init.zeros_(self.pair_scores.weight)

    def forward(self, tokens):
        lengths = (tokens != 0).sum(dim=1, keepdim=True)
        pairs = self.pair_scores(pair_numbers(tokens, self.num_buckets)).sum(dim=1)
        return super().forward(tokens) + pairs / lengths.sqrt()


NUM_BUCKETS = 20_000 if train_reviews.source == "embedded" else 500_000

pairs_model = BagOfPairs(len(vocabulary), NUM_BUCKETS)
history = fit(pairs_model, num_epochs=6, lr=0.05)
print(f"best accuracy: {history.best_score:.3f} (epoch {history.best_epoch}); it stopped: {history.stopped}")

# %% [markdown]
# **Expect** 0.75 to 0.79 on made-up reviews, 0.895 to 0.905 on real ones (0.874 with only 20,000
# buckets: too many pairs share one). If it is no better than single words, look at Task 6: do
# all pairs land in the same bucket?
#
# ### Where it fails
#
# A score is one number. To see *what* a model does not understand, we write small reviews that each ask one question, in
# [behaviour.py](../../exercise_code/ex11_sentiment/behaviour.py):
#
# - **plain:** "The plot was dull."
# - **negation:** "The plot was not dull."
# - **contrast:** "Although the plot was great, the songs were dull." The main clause counts, wherever it stands; after "but",
#   the second part counts.
# - **names swapped:** the same opinion with other names. Who played in a film is no opinion of it.


# %%
def words_answer(texts):
    return predict_reviews(tokenize, vocabulary, words_model, texts)


def pairs_answer(texts):
    return predict_reviews(tokenize, vocabulary, pairs_model, texts)


show_table({"single words": words_answer, "word pairs": pairs_answer})

# %% [markdown]
# **Expect** plain reviews nearly all right, negation all wrong for single words and mostly right for pairs, and
# contrast at half or below for both: that is guessing. So the score of 0.77 has a reason, and the reason has a name.
#
# Which words moved the answer? We hide one word at a time and look at how far the answer moves. Try sentences of your own:

# %%
my_review = "Although the plot was great, the songs were not funny."

leaning, effects = word_effects(lambda rows: predict_reviews(list, vocabulary, pairs_model, rows), tokenize(my_review))
show_effects(tokenize(my_review), effects, f"{'praise' if leaning > 0 else 'blame'} ({leaning:+.1f})")

# %% [markdown]
# > **Think.** Would triples of words, or quadruples, solve contrast?
#
# <details><summary>Open this when you have an answer.</summary>
#
# Hardly. In "although the plot with all its animals was great, the songs were dull", five words and more lie between
# "although" and the opinion that it takes back. And the longer the piece, the rarer it is: most quadruples in a new review
# have never been seen. A model is needed that remembers, over any distance, that there was an "although".
#
# </details>

# %% [markdown] role="written" grade_id="written_bag" points=4
# ## Task 7: what does a bag not see? (4 points)
#
# ●●○ · about 10 minutes · answer in this cell
#
# Three to five sentences for each question are enough.
#
# 1. Write two short reviews of opposite sentiment that are the same to a bag of words. Why can no training help?
# 2. The model with pairs scores about 0.77, and more buckets do not help. Name one kind of review that it still
#    misreads, and say what information is missing.
#
# ### BEGIN SOLUTION
# 1. "The film was good, not dull" and "the film was dull, not good". Both have the same words equally often, so the sums are
# the same, whatever the parameters are. The model answers both in the same way and is wrong for one of them.
#
# 2. Contrast: "although the plot was great, the songs were dull". The pairs "was great" and "were dull" are both there,
# as in the opposite review "the plot was great, although the songs were dull". Which of the two counts follows from where
# "although" stands, over a distance of many words, and pairs only see neighbours.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 1 point: two reviews of the same words with opposite sentiment.
# - 1 point: the sum does not depend on order, so the answers are equal for any parameters.
# - 1 point: a kind of review that pairs misread (contrast, or a negation at a distance such as "not really dull").
# - 1 point: what is missing is the relation between words that are not neighbours (order over a distance).
# - "It needs more data": no point for that part.
# ### END MARKING GUIDE

# %% [markdown]
# ## What you learned
#
# - A text becomes words, words become numbers, and reviews of similar lengths share a batch.
# - An embedding is a matrix whose rows are looked up; padding has a row of zeros that never learns.
# - Counting words and pairs is hard to beat for its price. Small reviews made for one question say why it fails.
#
# In [part 2](2_sentiment.ipynb), a network reads the words in their order. You hand in there.
#
# ## Read on
#
# - [Regular expressions](https://docs.python.org/3/howto/regex.html), the introduction in Python's documentation.
# - [Bag of Tricks for Efficient Text Classification](https://arxiv.org/abs/1607.01759), Joulin and others, 2016: bags of
#   hashed pairs, and how far they get.
# - [Beyond Accuracy](https://arxiv.org/abs/2005.04118), Ribeiro and others, 2020: tests of behaviour for models that read.
