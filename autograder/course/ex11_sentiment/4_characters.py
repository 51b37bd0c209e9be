# %% [markdown]
# # Exercise 11, part 4 (optional): a network that writes
#
# **What you will build:** a language model that reads film reviews letter by letter and learns which letter comes next. Then
# it writes reviews of its own.
#
# **To pass:** nothing; there are no points here.
#
# **Time:** about 30 minutes, of which your computer trains for a minute or two.
#
# **What you need:** [part 2](2_sentiment.ipynb), and your `train_step` of exercise 7.
#
# **Where you write code:** this time in a cell of this notebook.
#
# | task | what you write | difficulty |
# |---|---|---|
# | 16 | `draw_letter` | ●●○ |

# %%
# %load_ext autoreload
# %autoreload 3
# %matplotlib inline

import torch
from torch import nn

from exercise_code import load_dataset, seed_everything
from exercise_code.ex07_pytorch.training import train_step
from exercise_code.ex11_sentiment.pictures import show_letters, show_lines

seed_everything(11)
reviews = load_dataset("imdb", split="train")

# %% [markdown]
# ## Predict the next letter
#
# A text says by itself what is right: after "The plot wa" comes "s". So no labels are needed; every place in every
# review is an example. A model that predicts well has learned words, grammar, and a little of what reviews say.
#
# We join the first reviews to one long text and number its letters.

# %%
text = "\n".join(reviews.texts[:4000])[:400_000]
letters = sorted(set(text))
numbers = {letter: i for i, letter in enumerate(letters)}
encoded = torch.tensor([numbers[letter] for letter in text])

print(f"{len(text):,} letters, {len(letters)} different ones: {''.join(letters)!r}")
print(text[:160])

# %% [markdown]
# A batch is a number of pieces of the text; the targets are the same pieces, one letter further on:


# %%
def draw_batch(batch_size, length, generator):
    starts = torch.randint(len(encoded) - length - 1, (batch_size,), generator=generator)
    pieces = torch.stack([encoded[start : start + length + 1] for start in starts.tolist()])
    return pieces[:, :-1], pieces[:, 1:]


inputs, targets = draw_batch(1, 12, torch.Generator().manual_seed(3))
print("in: ", repr("".join(letters[i] for i in inputs[0])))
print("out:", repr("".join(letters[i] for i in targets[0])))


# %%
class LetterModel(nn.Module):
    def __init__(self, num_letters, size=32, hidden_size=128):
        super().__init__()
        self.embedding = nn.Embedding(num_letters, size)
        self.lstm = nn.LSTM(size, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, num_letters)

    def forward(self, numbers, state=None):
        """Logits of the next letter at each place, and the state to go on from."""
        outputs, state = self.lstm(self.embedding(numbers), state)
        return self.head(outputs), state


def letter_loss(outputs, targets):
    logits, _ = outputs
    return nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


NUM_STEPS = 600

model = LetterModel(len(letters))
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
generator = torch.Generator().manual_seed(11)
losses = []
for step in range(NUM_STEPS):
    losses.append(train_step(model, *draw_batch(32, 64, generator), optimizer, loss=letter_loss))
    if step % 100 == 99:
        print(f"step {step + 1}: loss {losses[-1]:.2f}, {2.718 ** losses[-1]:.1f} letters to choose from")
show_lines({"training": losses}, "step", "loss")

# %% [markdown]
# **Expect** about 4 at first (all letters equally likely) and about 0.5 at the end on made-up reviews. The second
# number, $e^{\text{loss}}$, is the **perplexity**: the model is as unsure as if it had to choose at random among this many
# letters.
#
# ## Writing, with temperature
#
# To write, the model predicts the next letter, one is drawn at random by the probabilities, and is read as the next input. A
# **temperature** $\tau$ says how daring it is: logits are divided by it before softmax.
#
# $$ p_k = \frac{e^{z_k / \tau}}{\sum_j e^{z_j / \tau}} $$
#
# By hand for logits 2 and 0: with $\tau = 1$, $e^2 / (e^2 + 1) = 0.88$. With $\tau = 0.5$, $e^4 / (e^4 + 1) = 0.98$: it plays
# safe. With $\tau = 2$, $e / (e + 1) = 0.73$: it dares more.

# %%
with torch.no_grad():
    logits = model(torch.tensor([[numbers[letter] for letter in "The plot wa"]]))[0][0, -1]
show_letters(letters, {tau: (logits / tau).softmax(dim=0).tolist() for tau in (0.5, 1.0, 2.0)})

# %% [markdown]
# ## Task 16: draw a letter (not graded)
#
# ●●○ · about 10 minutes · in the cell below
#
# - **in:** `logits`, float32 (K,); `temperature`, a float above 0; `generator`, a `torch.Generator`
# - **out:** the number of the drawn letter, an `int`
#
# <details><summary>Hint 1: where to look</summary>
#
# `torch.multinomial(probabilities, 1, generator=generator)` draws an index by its probability.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Divide, softmax, draw, and make an int of the result.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# The cell above computes the probabilities. `.item()` makes a number of a tensor that holds one.
#
# </details>


# %% role="solution" grade_id="extra_temperature"
def draw_letter(logits, temperature, generator):
    """The number of a letter, drawn at a temperature."""
    ### BEGIN SOLUTION
    probabilities = (logits / temperature).softmax(dim=0)
    return torch.multinomial(probabilities, 1, generator=generator).item()
    ### END SOLUTION


# %%
generator = torch.Generator().manual_seed(0)
for temperature in [0.5, 1.0, 2.0]:
    drawn = [draw_letter(torch.tensor([2.0, 0.0]), temperature, generator) for _ in range(10_000)]
    print(f"temperature {temperature}: {1 - sum(drawn) / 10_000:.2f} of the draws are the first letter")

# %% [markdown]
# You should see about 0.98, 0.88 and 0.73, as computed by hand. If the order is the other way round, you multiply.


# %%
def write(start, length, temperature, seed=1):
    generator = torch.Generator().manual_seed(seed)
    state, written = None, [numbers[letter] for letter in start]
    unread = written
    with torch.no_grad():
        for _ in range(length):
            logits, state = model(torch.tensor([unread]), state)
            unread = [draw_letter(logits[0, -1], temperature, generator)]
            written = written + unread
    return "".join(letters[i] for i in written)


for temperature in [0.3, 0.8, 1.5]:
    print(f"temperature {temperature}:")
    print(write("Although the ", 200, temperature), "\n")

# %% [markdown]
# **Expect** safe and repetitive sentences at 0.3, varied ones with a few invented words at 0.8, and broken words at 1.5.
#
# > **Think.** Can this model's state help to judge sentiment?
#
# <details><summary>Open this when you have an answer.</summary>
#
# Yes. To predict that "great" follows "the plot was not bad but", it helps to know the mood so far. Models that are first
# trained to predict text and then to judge it need far fewer labels. That is how today's large language models begin.
#
# </details>
#
# ## What you learned
#
# - A language model needs no labels: the next letter is the target.
# - Perplexity says among how many letters it chooses; temperature says how daring the choice is.
#
# ## Read on
#
# - [The Unreasonable Effectiveness of Recurrent Neural Networks](https://karpathy.github.io/2015/05/21/rnn-effectiveness/),
#   Andrej Karpathy, 2015: letter by letter, from Shakespeare to source code.
