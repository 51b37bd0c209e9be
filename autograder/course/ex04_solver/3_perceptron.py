# %% [markdown]
# # Exercise 4, part 3 (optional): the perceptron
#
# **What you will build:** the oldest artificial neuron, logic gates made of it, the rule by which it learned in 1958, and
# the problem that stopped it, with the way out.
#
# **To pass:** nothing; there are no points here. The cells below your code show at once what is right.
#
# **Time:** about 40 minutes.
#
# **What you need:** the linear model of part 1.
#
# **Where you write code:** this time in the cells of this notebook.
#
# | task | what you write | difficulty |
# |---|---|---|
# | 13 | the weights of AND, OR and NAND | ●○○ |
# | 14 | `learn`, the perceptron's rule | ●●○ |
# | 15 | `xor`, from two layers | ●○○ |

# %%
# %load_ext autoreload
# %autoreload 3
# %matplotlib inline

import numpy as np

from exercise_code.ex04_solver.checking import compare
from exercise_code.ex04_solver.pictures import show_curves, show_gates, show_two_layers

# %% [markdown]
# ## 1. A neuron that says yes or no
#
# A perceptron adds up its inputs with weights, adds a bias, and says 1 if the result is positive, else 0:
#
# $$ \text{output} = \begin{cases} 1 & \text{if } w_1 a + w_2 b + \text{bias} > 0 \\ 0 & \text{otherwise} \end{cases} $$
#
# It is your linear model with a hard threshold in place of the sigmoid. With inputs that are 0 or 1 it can be a **gate**, as
# in the circuits of a computer. The four possible inputs are the corners of a square, and these are three gates:

# %%
INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
GATES = {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1], "NAND": [1, 1, 1, 0]}

show_gates({name: (targets, None, None) for name, targets in GATES.items()})


# %%
def perceptron(inputs, weights, bias):
    """0 or 1 for each row of the inputs, an int array."""
    return (np.asarray(inputs) @ np.asarray(weights) + bias > 0).astype(int)


# %% [markdown]
# AND is 1 if both inputs are, OR if at least one is, and NAND ("not and") is the opposite of AND. Where the sum is 0 there is
# a straight line, with the ones on one side and the zeros on the other.
#
# **By hand:** what does a perceptron with the weights 1 and 0 and the bias −0.5 do? For the inputs 00, 01, 10, 11 the sums
# are −0.5, −0.5, 0.5, 0.5, so the outputs are 0, 0, 1, 1: it repeats its first input.

# %%
print(perceptron(INPUTS, [1, 0], -0.5))
show_gates({"first input": ([0, 0, 1, 1], [1, 0], -0.5)})

# %% [markdown]
# ## Task 13: three gates (not graded)
#
# ●○○ · about 6 minutes · in the cell below
#
# Find weights and a bias for each gate. Use the pictures: where could the line run?
#
# - **in:** nothing
# - **out:** a dict from the name of each gate to a pair of its weights (two numbers) and its bias (one number)


# %% role="solution" grade_id="extra_gates"
def find_gates():
    """Weights and bias of a perceptron for each gate."""
    ### BEGIN SOLUTION
    return {"AND": ([1, 1], -1.5), "OR": ([1, 1], -0.5), "NAND": ([-1, -1], 1.5)}
    ### END SOLUTION


# %%
found = find_gates()
for name, targets in GATES.items():
    compare(name, perceptron(INPUTS, *found[name]).tolist(), targets)

show_gates({name: (targets, *found[name]) for name, targets in GATES.items()})

# %% [markdown]
# You should see three ticks, and each line with all ones on its orange side. If AND and NAND are mixed up, then flip
# the signs of all weights and of the bias.
#
# ## 2. The rule
#
# In 1958 Frank Rosenblatt let a perceptron find its weights by itself. His rule needs no derivative. Take one sample after
# the other. If the output is right, do nothing. If it is wrong, move the weights towards the input or away from it:
#
# $$ w \leftarrow w + (t - \text{output})\, x \qquad\qquad \text{bias} \leftarrow \text{bias} + (t - \text{output}) $$
#
# $t - \text{output}$ is 1 if the output should have been larger, −1 if it should have been smaller, and 0 if it was right.
#
# **By hand,** with the weights (0, 0) and the bias 0, and OR to be learned. The input 00 gives the sum 0, so the output is
# 0: right. The input 01 gives 0 as well, but should give 1: the weights become (0, 1), the bias 1. Now the input 00 is wrong,
# and will push the bias back in the next round.
#
# ## Task 14: the perceptron's rule (not graded)
#
# ●●○ · about 10 minutes · in the cell below
#
# - **in:** `inputs` of shape (N, 2), `targets`, a list of N times 0 or 1, and the number of rounds
# - **out:** a tuple: the weights, a float array of shape (2,), the bias, a float, and a list with the number of mistakes in
#   each round. Weights and bias start at 0; a round takes the samples in their order.
#
# <details><summary>Hint 1: where to look</summary>
#
# At the function `perceptron`: it answers for a single row, too.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Two loops: over the rounds, and in each over the samples. The error is the target minus the output, for one sample. It
# goes into the weights and the bias at once, before the next sample comes.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `error = t - ...`, an int, then `weights += error * ...` and `bias += ...`; a mistake is an error that
# is not 0.
#
# </details>


# %% role="solution" grade_id="extra_learn"
def learn(inputs, targets, num_rounds):
    """Weights, bias, and the number of mistakes in each round of the perceptron's rule."""
    ### BEGIN SOLUTION
    weights, bias, mistakes = np.zeros(2), 0.0, []
    for _ in range(num_rounds):
        count = 0
        for x, t in zip(inputs, targets, strict=True):
            error = t - int(perceptron(x, weights, bias))
            weights += error * x
            bias += error
            count += error != 0
        mistakes.append(count)
    return weights, bias, mistakes
    ### END SOLUTION


# %%
learned = {name: learn(INPUTS, targets, 10) for name, targets in GATES.items()}
for name, targets in GATES.items():
    weights, bias, mistakes = learned[name]
    compare(name, perceptron(INPUTS, weights, bias).tolist(), targets)
    print("  weights", weights, " bias", bias, " mistakes in each round:", mistakes)

show_gates({name: (targets, *learned[name][:2]) for name, targets in GATES.items()})

# %% [markdown]
# You should see three ticks, and the mistakes should end with zeros: from the sixth, the fourth and the
# sixth round on there are none. The lines differ from yours: they run right through some corners. There the sum is 0, so
# the output is 0, which is what these corners ask for; the rule is content with the first line that works. If the mistakes never reach 0, then the bias is not learned, or the sign of the error is wrong.
#
# It is a theorem that this always works: if a line exists that separates zeros and ones, then the rule finds one
# after finitely many mistakes.
#
# ## 3. If a line exists
#
# XOR, "exclusive or", is 1 if exactly one of its inputs is 1.

# %%
XOR = [0, 1, 1, 0]
weights, bias, mistakes = learn(INPUTS, XOR, 100)

show_gates({"XOR": (XOR, None, None), "XOR, learned": (XOR, weights, bias)})
show_curves({"XOR": mistakes[:30], "AND": learn(INPUTS, GATES["AND"], 30)[2]}, labels=("round", "mistakes"))

# %% [markdown]
# From the third round on the rule makes four mistakes in every round, forever: each correction undoes another one.
# (The title says "2 wrong", because it counts after the last round, with weights that no longer change.)
# AND makes none from the sixth round on.
#
# **Think.** Why can no weights and bias do it? Add up what XOR asks for: the inputs 01 and 10 need $w_2 + \text{bias} > 0$
# and $w_1 + \text{bias} > 0$; 00 and 11 need $\text{bias} \le 0$ and $w_1 + w_2 + \text{bias} \le 0$.
#
# <details><summary>Open this when you have an answer.</summary>
#
# The first two together say $w_1 + w_2 + 2\,\text{bias} > 0$, the last two say $w_1 + w_2 + 2\,\text{bias} \le 0$. Both cannot
# be true. In the picture: no straight line has two opposite corners on one side and the other two on the other.
#
# </details>
#
# In 1969 a book by Minsky and Papert made this widely known, and many lost interest in neural networks for years. The way
# out was known even then: not one perceptron, but two layers of them. XOR is 1 if at least one input is 1, *and* not both:
#
# $$ \text{XOR}(a, b) = \text{AND}\bigl(\text{OR}(a, b),\ \text{NAND}(a, b)\bigr) $$

# %%
show_two_layers(["OR", "NAND"], "AND", "XOR")

# %% [markdown]
# **By hand,** for the input 11: OR says 1, NAND says 0, and AND of 1 and 0 is 0. For 01: OR says 1, NAND says 1, AND says 1.
#
# ## Task 15: XOR (not graded)
#
# ●○○ · about 5 minutes · in the cell below
#
# - **in:** `inputs` of shape (N, 2), and `gates`, a dict as your `find_gates` returns it
# - **out:** 0 or 1 for each row, an int array of shape (N,). The outputs of the first layer, side by side in an array of
#   shape (N, 2), are the inputs of the second; `np.stack(..., axis=1)` puts them there.


# %% role="solution" grade_id="extra_xor"
def xor(inputs, gates):
    """XOR of both inputs for each row, by two layers of perceptrons."""
    ### BEGIN SOLUTION
    hidden = np.stack([perceptron(inputs, *gates["OR"]), perceptron(inputs, *gates["NAND"])], axis=1)
    return perceptron(hidden, *gates["AND"])
    ### END SOLUTION


# %%
compare("XOR", xor(INPUTS, found).tolist(), XOR)

hidden = np.stack([perceptron(INPUTS, *found[name]) for name in ("OR", "NAND")], axis=1)
for inputs, middle, output in zip(INPUTS, hidden, xor(INPUTS, found), strict=True):
    print(f"inputs {inputs}  ->  OR and NAND {middle}  ->  {output}")

# %% [markdown]
# You should see a tick. Look at the middle column: the inputs 01 and 10 both become 11. The first layer has moved the
# corners so that a line can separate them. This is what hidden layers do in every network: they make of the inputs
# something that is easy for the last layer.
#
# ## What you learned
#
# - A perceptron draws a straight line. AND, OR and NAND differ in where it runs.
# - The perceptron's rule finds such a line if there is one, and never comes to rest if there is none.
# - Two layers can do what one cannot: XOR.
#
# **Next:** the rule knows no way to teach the *first* of two layers: which of its weights is to blame for a mistake
# at the end? Gradients answer that, and in exercise 5 they go backward through as many layers as you like.
#
# ## Read on
#
# - [The perceptron](https://en.wikipedia.org/wiki/Perceptron) on Wikipedia, with its history.
# - [Multilayer perceptrons](https://d2l.ai/chapter_multilayer-perceptrons/mlp.html) in *Dive into Deep Learning*.
