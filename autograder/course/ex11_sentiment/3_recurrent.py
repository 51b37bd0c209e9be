# %% [markdown]
# # Exercise 11, part 3 (optional): more cells, and what they forget
#
# **What you will build:** two more recurrent cells, the GRU and an LSTM with peepholes, and a measurement of how far back
# each cell can learn.
#
# **To pass:** nothing; there are no points here. The cells below your code show at once what is right.
#
# **Time:** about 45 minutes.
#
# **What you need:** Tasks 8 and 9 of [part 2](2_sentiment.ipynb), and your `train_step` of exercise 7.
#
# **Where you write code:** this time in the cells of this notebook.
#
# | task | what you write | difficulty |
# |---|---|---|
# | 14 | `gru_step` | ●●○ |
# | 15 | `peephole_step` | ●●○ |

# %%
# %load_ext autoreload
# %autoreload 3
# %matplotlib inline

import torch
from torch import nn

from exercise_code import seed_everything
from exercise_code.ex07_pytorch.training import train_step
from exercise_code.ex11_sentiment.pictures import show_lines

# %% [markdown]
# ## A cell with fewer gates
#
# The **GRU** (gated recurrent unit) keeps everything in the hidden state, without a second memory. Two gates decide: $z$ how
# much of the old state stays, and $r$ how much of it the candidate $n$ sees.
#
# $$ r = \sigma(W_{ir} x + b_{ir} + W_{hr} h + b_{hr}) \qquad z = \sigma(W_{iz} x + b_{iz} + W_{hz} h + b_{hz}) $$
# $$ n = \tanh(W_{in} x + b_{in} + r \cdot (W_{hn} h + b_{hn})) \qquad h' = (1 - z) \cdot n + z \cdot h $$
#
# By hand for one number: let $h = 0.8$, $n = -0.2$, $z = 0.75$. Then $h' = 0.25 \cdot (-0.2) + 0.75 \cdot 0.8 = 0.55$. With
# $z = 1$ the state stays as it is, over any number of words.
#
# PyTorch's order of the rows is r, z, n. Mind that $r$ is multiplied with the part of $h$ alone, its bias included.
#
# ## Task 14: the GRU cell (not graded)
#
# ●●○ · about 15 minutes · in the cell below
#
# - **in:** `cell`, with `weight_ih` (3H, D), `weight_hh` (3H, H), `bias_ih` and `bias_hh` (3H,); `inputs` (B, D); `hidden` (B, H)
# - **out:** the new hidden state, (B, H)
#
# <details><summary>Hint 1: where to look</summary>
#
# Your LSTM cell cuts one sum into four parts. Here there are two sums of three parts each.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Keep the part of x and the part of h apart until r is known; r and z add them as before, n does not.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# `inputs @ cell.weight_ih.T + cell.bias_ih` is the sum of x; `.chunk(3, dim=1)` cuts it into the parts of r, z and n. The same
# for h. Then the four formulas.
#
# </details>


# %% role="solution" grade_id="extra_gru"
def gru_step(cell, inputs, hidden):
    """The new hidden state of a GRU."""
    ### BEGIN SOLUTION
    x_r, x_z, x_n = (inputs @ cell.weight_ih.T + cell.bias_ih).chunk(3, dim=1)
    h_r, h_z, h_n = (hidden @ cell.weight_hh.T + cell.bias_hh).chunk(3, dim=1)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    n = torch.tanh(x_n + r * h_n)
    return (1 - z) * n + z * hidden
    ### END SOLUTION


# %%
seed_everything(11)
cell = nn.GRUCell(3, 4)
inputs, hidden = torch.randn(2, 3), torch.randn(2, 4)
with torch.no_grad():
    difference = (gru_step(cell, inputs, hidden) - cell(inputs, hidden)).abs().max()
print(f"largest difference from torch's cell: {difference:.1e}")

# %% [markdown]
# You should see a difference below 1e-6. If not: is $r$ inside the tanh, and does it leave $W_{in} x$ alone? Are $z$ and $1 - z$
# in the right places?
#
# ## Gates that look at the memory
#
# In an LSTM the gates see $x$ and $h$, but the memory only through $h$. If the output gate is closed, they are blind to what
# the memory holds. **Peepholes** let them look: three vectors of weights, $p_i$, $p_f$ and $p_o$, element by element.
#
# $$ i = \sigma(a_i + p_i \cdot c) \qquad f = \sigma(a_f + p_f \cdot c) \qquad o = \sigma(a_o + p_o \cdot c') $$
#
# The output gate looks at the *new* memory. All else is as in Task 9.
#
# ## Task 15: peepholes (not graded)
#
# ●●○ · about 10 minutes · in the cell below
#
# - **in:** `sums`, $a$, (B, 4H) in the order i, f, g, o; `memory`, $c$, (B, H); `peepholes`, (3, H): $p_i$, $p_f$, $p_o$
# - **out:** a tuple of the new hidden state and the new memory, each (B, H)
#
# <details><summary>Hint 1: where to look</summary>
#
# Your `LSTMCell`, from the sum on.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# First i and f with the old memory, then the new memory, then o with the new one.
#
# </details>
# <details><summary>Hint 3: almost the line</summary>
#
# A tensor of three rows can be unpacked into three names. A row (H,) times a memory (B, H) is right for each sample.
#
# </details>


# %% role="solution" grade_id="extra_peepholes"
def peephole_step(sums, memory, peepholes):
    """The new hidden state and memory of an LSTM whose gates look at the memory."""
    ### BEGIN SOLUTION
    a_i, a_f, a_g, a_o = sums.chunk(4, dim=1)
    p_i, p_f, p_o = peepholes
    new = torch.sigmoid(a_f + p_f * memory) * memory + torch.sigmoid(a_i + p_i * memory) * torch.tanh(a_g)
    return torch.sigmoid(a_o + p_o * new) * torch.tanh(new), new
    ### END SOLUTION


# %%
sums, memory = torch.zeros(1, 4), torch.tensor([[2.0]])
hidden, new = peephole_step(sums, memory, torch.zeros(3, 1))
print(f"without peepholes: c' = {new.item():.3f} (want 1.000), h' = {hidden.item():.3f} (want 0.381)")
hidden, new = peephole_step(sums, memory, torch.tensor([[0.0], [1.0], [1.0]]))
print(f"with p_f = p_o = 1: c' = {new.item():.3f} (want 1.762), h' = {hidden.item():.3f} (want 0.804)")

# %% [markdown]
# ## How far back does the gradient reach?
#
# For freshly made cells, we measure the gradient of the last state with respect to each earlier word. A line that falls
# straight on this scale loses the same factor at each step.


# %%
def reach(layer, num_words=60):
    """The size of the gradient at each word, the last one first."""
    words = torch.randn(8, num_words, 32, requires_grad=True)
    outputs, _ = layer(words)
    outputs[:, -1].sum().backward()
    return words.grad.norm(dim=2).mean(dim=0).flip(0).tolist()


seed_everything(11)
layers = {name: make(32, 32, batch_first=True) for name, make in [("RNN", nn.RNN), ("LSTM", nn.LSTM), ("GRU", nn.GRU)]}
kept = nn.LSTM(32, 32, batch_first=True)
with torch.no_grad():
    kept.bias_ih_l0[32:64] = 4.0
layers["LSTM, forget bias 4"] = kept
show_lines({name: reach(layer) for name, layer in layers.items()}, "words before the last one", "size of the gradient")

# %% [markdown]
# **Expect** the RNN lowest, fresh LSTM and GRU to fall, too (their gates start near a half, and 0.5 to the power of 30 is
# a billionth), and the LSTM with a large forget bias to stay nearly level. A gate can only keep what it is open for.
#
# ## Can they learn to remember?
#
# A small task: the first of T symbols is one of four, the others are noise, and at the end the first one is asked for. Guessing
# gets 0.25.


# %%
class LastState(nn.Module):
    """A recurrent layer, and four logits from its last state."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.head = layer, nn.Linear(32, 4)

    def forward(self, inputs):
        return self.head(self.layer(inputs)[0][:, -1])


def memory_task(make, num_symbols, num_steps=250, bias=None):
    """The accuracy after training on the task."""
    seed_everything(11)
    model = LastState(make(8, 32, batch_first=True))
    if bias is not None:
        with torch.no_grad():
            model.layer.bias_ih_l0[32:64] = bias
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

    def make_batch():
        symbols = torch.randint(4, 8, (128, num_symbols))
        symbols[:, 0] = torch.randint(4, (128,))
        return nn.functional.one_hot(symbols, 8).float(), symbols[:, 0]

    for _ in range(num_steps):
        train_step(model, *make_batch(), optimizer)
    inputs, labels = make_batch()
    return (model(inputs).argmax(dim=1) == labels).float().mean().item()


for num_symbols in [5, 40]:
    rows = {
        "RNN": memory_task(nn.RNN, num_symbols),
        "GRU": memory_task(nn.GRU, num_symbols),
        "LSTM": memory_task(nn.LSTM, num_symbols),
        "LSTM, forget bias 4": memory_task(nn.LSTM, num_symbols, bias=4.0),
    }
    print(f"{num_symbols} symbols:", ", ".join(f"{name} {accuracy:.2f}" for name, accuracy in rows.items()))

# %% [markdown]
# **Expect** 1.00 for all with 5 symbols. With 40, in our run, only the LSTM with a large forget bias reached 1.00; the others
# guessed. With more steps fresh GRUs and LSTMs get there, too: they must first learn to open their gates.
#
# ## What you learned
#
# - A GRU has two gates and one state; a peephole lets a gate see the memory.
# - How far back a cell can learn shows in the gradient, before any training. Gates alone are not enough: they must start open.
#
# In [part 4](4_characters.ipynb), an LSTM writes reviews, letter by letter.
