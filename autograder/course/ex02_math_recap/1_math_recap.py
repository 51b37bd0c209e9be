# %% [markdown]
# # Exercise 2: mathematics by hand
#
# **What you will do:** work out by hand what a deep-learning library does for you in a microsecond: products of matrices,
# gradients, likelihoods, cross-entropies, a convolution forward and backward. Six small functions are part of it, too.
#
# **To pass:** 60 of 100 points.
#
# **Time:** about two hours. The parts do not build on each other: begin with what you know best.
#
# **What you need:** numpy's arrays (exercise 1), paper and a pencil. A calculator helps with a few fractions.
#
# **Where you write:** your answers go into five small files, each linked from its task. Three tasks are answered in words,
# in this notebook.
#
# | task | what you work out | difficulty | points |
# |---|---|---|---|
# | 1 | vectors and matrices | ●○○ | 8 |
# | 2 | gradients with matrices | ●●○ | 8 |
# | 3 | a derivation in words: least squares | ●●○ | 6 |
# | 4 | the chain rule | ●●○ | 8 |
# | 5 | expectation and variance | ●○○ | 8 |
# | 6 | Bayes' rule | ●●○ | 8 |
# | 7 | Bayes' rule in words | ●○○ | 5 |
# | 8 | the likelihood of a sample | ●●○ | 9 |
# | 9 | cross-entropies and the softmax | ●●○ | 12 |
# | 10 | a derivation in words: softmax and cross-entropy | ●●● | 7 |
# | 11 | sizes of convolutional layers | ●●○ | 10 |
# | 12 | a convolution and a max-pooling | ●●● | 11 |

# %% [markdown]
# Run this cell first. Its first two lines make sure that this notebook always uses your files as they are on disk.

# %%
# %load_ext autoreload
# %autoreload 3
# %matplotlib inline

import numpy as np

from exercise_code import check, student_id, submit
from exercise_code.ex02_math_recap import convolution
from exercise_code.ex02_math_recap.calculus import gradient_of_squares
from exercise_code.ex02_math_recap.entropy import softmax
from exercise_code.ex02_math_recap.parsing import as_number, as_numbers
from exercise_code.ex02_math_recap.pictures import (
    show_bells,
    show_chain,
    show_convolution,
    show_gradient,
    show_numbers,
    show_parts,
    show_pooling,
    show_receptive_field,
    show_shares,
    show_vectors,
)
from exercise_code.ex02_math_recap.probability import most_likely_mean, most_likely_variance
from exercise_code.ex02_math_recap.problems import own_problems

# %% [markdown]
# ## Your numbers
#
# Everybody gets numbers of their own in this exercise, drawn from your id. The next cell knows it already on the course's
# hub. Anywhere else, run it once with the id that the course knows you by: `student_id("u0042")`.

# %%
student_id()
own = own_problems()

# %% [markdown]
# The id is kept in `student_id.txt` beside your modules and is handed in with them. Check that it is yours: a hand-in is
# marked with the numbers of the id that it names.
#
# **How to answer.** Most functions take no arguments and return one answer. These four mean the same:
#
# ```python
# return 0.375
# return 3 / 8
# return Fraction(3, 8)  # after: from fractions import Fraction
# return "3/8"
# ```
#
# A fraction has to be exact; a float needs four significant digits. A matrix is a list of rows, `[[1, 2], [3, 4]]`, or an
# array. Work on paper first: in an exam there is no numpy, and only by hand do you see where each number comes from.
#
# **How the checks work.** They cannot know your answer without giving it away. Instead they test what a right answer has
# to fulfil: an inverse times its matrix is the identity, a gradient is the slope that one can measure, a probability is
# what comes out of a million throws. Such tests are worth knowing: they are how you will check your own code later.

# %% [markdown]
# ## 1. Vectors and matrices
#
# A layer of a network is a product of a matrix and a vector, so everything begins here. For vectors of equal length,
#
# $$ u \cdot v = \sum_i u_i v_i \qquad\qquad \lVert u \rVert = \sqrt{u \cdot u} $$
#
# The dot product says how far two vectors point the same way. It is 0 when they are perpendicular.
#
# **By hand:** $u = (4, 2)$ and $v = (3, -1)$ have $u \cdot v = 4 \cdot 3 + 2 \cdot (-1) = 10$, and
# $\lVert v \rVert^2 = 9 + 1 = 10$. The part of $u$ along $v$ is $\frac{u \cdot v}{\lVert v \rVert^2} v = v$, and what is
# left, $u - v = (1, 3)$, is perpendicular to $v$.

# %%
show_vectors(u=(4, 2), v=(3, -1))

# %% [markdown]
# In a **matrix product** the entry in row $i$ and column $j$ is the dot product of row $i$ of the first matrix and column
# $j$ of the second. So the inner sizes have to agree: (2, 3) times (3, 4) gives (2, 4).
#
# $$ \begin{pmatrix} 1 & 2 \\ 0 & -1 \end{pmatrix} \begin{pmatrix} 3 & 1 \\ 2 & 4 \end{pmatrix}
#    = \begin{pmatrix} 1 \cdot 3 + 2 \cdot 2 & 1 \cdot 1 + 2 \cdot 4 \\ 0 - 2 & 0 - 4 \end{pmatrix}
#    = \begin{pmatrix} 7 & 9 \\ -2 & -4 \end{pmatrix} $$
#
# There is a **checksum**. Add up each row of the second matrix, here 4 and 6, and multiply the first matrix by that column:
# $1 \cdot 4 + 2 \cdot 6 = 16$ and $0 - 6 = -6$. These are the sums of the result's rows: $7 + 9$ and $-2 - 4$.
#
# The **inverse** of a matrix of two rows and two columns is
#
# $$ \begin{pmatrix} a & b \\ c & d \end{pmatrix}^{-1}
#    = \frac{1}{ad - bc} \begin{pmatrix} d & -b \\ -c & a \end{pmatrix},
#    \qquad\text{such as}\quad
#    \begin{pmatrix} 2 & 1 \\ 4 & 3 \end{pmatrix}^{-1}
#    = \frac{1}{2} \begin{pmatrix} 3 & -1 \\ -4 & 2 \end{pmatrix} $$
#
# ## Task 1: vectors and matrices (8 points)
#
# ●○○ · about 8 minutes · [algebra.py](../../exercise_code/ex02_math_recap/algebra.py)
#
# Fill in `dot_product`, `length`, `matrix_product` and `inverse`.
#
# - **in:** nothing; your u, v, A, B and S are shown below
# - **out:** the number $u \cdot v$; the number $\lVert u \rVert$; the matrix $AB$ of shape (2, 2); the matrix $S^{-1}$ of
#   shape (2, 2)

# %%
show_numbers(**vars(own.algebra))

# %% role="checks" grade_id="matrices" points=8
check("matrices")

# %% [markdown]
# ## 2. Gradients with matrices
#
# Training makes a loss small, and the **gradient** shows the way: the vector of the derivatives with respect to each
# weight. Take the sum of squares, which exercise 4 uses as a loss, with inputs $X$, weights $w$ and targets $y$:
#
# $$ L(w) = \lVert Xw - y \rVert^2 \qquad\qquad \nabla L(w) = 2 X^\top (Xw - y) $$
#
# **By hand:** $X = \begin{pmatrix} 1 & 2 \\ 0 & 1 \end{pmatrix}$, $w = (1, 1)$ and $y = (2, 3)$. The differences are
# $Xw - y = (3 - 2,\ 1 - 3) = (1, -2)$. The first column of $X$ gives $2\,(1 \cdot 1 + 0 \cdot (-2)) = 2$, the second
# $2\,(2 \cdot 1 + 1 \cdot (-2)) = 0$. So the gradient is $(2, 0)$: a little more of $w_1$ makes the loss larger, and $w_2$
# is, for now, at its best.

# %%
show_gradient(np.array([[1, 2], [0, 1]]), w=(1, 1), y=(2, 3), gradient=(2, 0))

# %% [markdown]
# A gradient can be **measured**, too: move one weight a little to both sides, and see how the loss changes. That is how
# `check` knows whether your numbers are right.


# %%
def loss(w1, w2):
    """The loss of the example."""
    return (w1 + 2 * w2 - 2) ** 2 + (w2 - 3) ** 2


h = 0.001
print(f"slope along w1: {(loss(1 + h, 1) - loss(1 - h, 1)) / (2 * h):.3f}")
print(f"slope along w2: {(loss(1, 1 + h) - loss(1, 1 - h)) / (2 * h):.3f}")

# %% [markdown]
# Expect 2 and 0. The **second derivatives** say how the gradient itself changes: $H_{jk}$ is the derivative of
# $\frac{\partial L}{\partial w_j}$ with respect to $w_k$. In the example the first entry of the gradient is
# $2\,(w_1 + 2 w_2 - 2)$, so the first row of $H$ is $(2, 4)$.
#
# The last question is about **quadratic forms**, $x^\top M x = \sum_{i,j} M_{ij} x_i x_j$. With
# $M = \begin{pmatrix} 1 & 3 \\ 0 & -1 \end{pmatrix}$ this is $x_1^2 + 3 x_1 x_2 - x_2^2$, and its gradient is
# $(2 x_1 + 3 x_2,\ 3 x_1 - 2 x_2)$. What is that in general, for any $M$?
#
# ## Task 2: gradients with matrices (8 points)
#
# ●●○ · about 10 minutes · [calculus.py](../../exercise_code/ex02_math_recap/calculus.py)
#
# Fill in `gradient_of_squares`, `hessian_of_squares` and `gradient_of_quadratic_form`.
#
# - **in:** nothing for the first two, which are about your X, w and y; `M` of shape (n, n) and `x` of shape (n,) for the
#   third, which is code for any numbers
# - **out:** the gradient of $\lVert Xw - y \rVert^2$ at your $w$, two numbers; its second derivatives, a matrix of shape
#   (2, 2); and the gradient of $x^\top M x$, an array of shape (n,)
#
# <details><summary>Hint 1: where to look</summary>
#
# The example above has all the steps of the first question. For the second, look at the gradient's formula: $w$ stands in
# it once.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# The gradient is $2 X^\top X w - 2 X^\top y$. As a function of $w$ it is a matrix times $w$, plus a constant. For the
# quadratic form, write out the sum for two rows: $x_1$ occurs in the terms of the first row *and* in those of the first
# column.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# $H = 2 X^\top X$. The terms of row $k$ add up to $(Mx)_k$, those of column $k$ to $(M^\top x)_k$: `M @ x + ...`.
#
# </details>

# %%
show_numbers(**vars(own.squares))

# %% role="checks" grade_id="matrix_calculus" points=8
check("matrix_calculus")

# %% [markdown]
# **A look at the result:** the gradient stands at a right angle to the line of equal loss, and points uphill. If yours does
# not, an entry is wrong.

# %%
show_gradient(own.squares.X, own.squares.w, own.squares.y, as_numbers(gradient_of_squares(), (2,)))

# %% [markdown] role="written" grade_id="written_least_squares" points=6
# ## Task 3: where the transpose comes from (6 points)
#
# ●●○ · about 8 minutes · answer in this cell
#
# Derive the gradient of $L(w) = \lVert Xw - y \rVert^2$ for $X$ of shape $(n, d)$.
#
# 1. Write $L$ as a sum over the rows of $X$, and differentiate it with respect to a single weight $w_k$.
# 2. Why is this, for all $k$ together, $2 X^\top (Xw - y)$, and where does the transpose come from?
#
# Formulas between dollar signs are typeset, such as `$w_k^2$`; plain text such as `sum_i x_ik r_i` is fine, too.
#
# ### BEGIN SOLUTION
# Row $i$ contributes the square of $r_i = \sum_j x_{ij} w_j - y_i$, so $L = \sum_i r_i^2$. The weight $w_k$ occurs in each
# $r_i$ once, with the factor $x_{ik}$, so $\partial r_i / \partial w_k = x_{ik}$, and by the chain rule
#
# $$ \frac{\partial L}{\partial w_k} = \sum_i 2 r_i \frac{\partial r_i}{\partial w_k} = 2 \sum_i x_{ik} r_i . $$
#
# The sum runs over the rows $i$: it is the dot product of column $k$ of $X$ with the vector $r = Xw - y$. Column $k$ of $X$
# is row $k$ of $X^\top$, so the sum is entry $k$ of $X^\top r$, and all entries together are $2 X^\top (Xw - y)$. (The
# shapes agree: $(d, n)$ times $(n,)$ gives $(d,)$, one entry for each weight.)
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 2 points: $L$ as a sum of squares over rows (or samples), with the product $Xw$ written out.
# - 2 points: the chain rule: $2 r_i$ times the inner derivative $x_{ik}$, summed over $i$. 1 point if the factor 2 or the sum
#   is missing.
# - 2 points: the sum over $i$ is a product with column $k$ of $X$, which is row $k$ of $X^\top$. 1 point for an argument by
#   shapes alone ("otherwise it would not fit").
# - A derivation with matrices throughout (expand $(Xw - y)^\top (Xw - y)$, differentiate both kinds of terms) earns all
#   points if each rule that it uses is named.
# ### END MARKING GUIDE

# %% [markdown]
# ## 3. The chain rule
#
# A network is a chain of simple steps. **Forward** we compute one value after the other. **Backward** we ask of each value
# how the loss changes with it, beginning at the end: the derivative for a value is the derivative for what it feeds, times
# the slope of the step between the two.
#
# **By hand,** for $h = w_1 x$, $a = h^2$, $o = w_2 a + b$ and $L = (o - t)^2$ with $w_1 = 1$, $x = 2$, $w_2 = 3$, $b = 1$,
# $t = 10$: forward $h = 2$, $a = 4$, $o = 13$, $L = 9$. Backward, in the orange numbers:

# %%
show_chain(
    [("h = w₁ x", "2"), ("a = h²", "4"), ("o = w₂ a + b", "13"), ("L = (o − t)²", "9")],
    ["dL/dh = 18 · 2h = 72", "dL/da = 6 · w₂ = 18", "dL/do = 2 (o − t) = 6", "dL/dL = 1"],
    "values forward, derivatives of L backward",
)

# %% [markdown]
# The parameters branch off on the way: $\frac{\partial L}{\partial w_2} = 6 \cdot a = 24$,
# $\frac{\partial L}{\partial b} = 6 \cdot 1$, $\frac{\partial L}{\partial w_1} = 72 \cdot x = 144$ and
# $\frac{\partial L}{\partial x} = 72 \cdot w_1 = 72$.
#
# **A value that is used twice** reaches the end in two ways, and both count. For $s = p + q$, $m = p\,q$ and $f = s\,m$ with
# $p = 2$, $q = 3$: through $s$ it is $m \cdot 1 = 6$, through $m$ it is $s \cdot q = 15$. So
# $\frac{\partial f}{\partial p} = 6 + 15 = 21$.
#
# ## Task 4: the chain rule (8 points)
#
# ●●○ · about 10 minutes · [calculus.py](../../exercise_code/ex02_math_recap/calculus.py)
#
# Fill in `chain_gradients` and `fork_gradients`, for the two examples above with your numbers.
#
# - **in:** nothing; your numbers are shown below
# - **out:** the derivatives of $L$ with respect to $w_1$, $w_2$, $b$ and $x$, four numbers in this order; the derivatives of
#   $f$ with respect to $p$ and $q$, two numbers
#
# <details><summary>Hint 1: where to look</summary>
#
# Write the forward pass on paper first, with a box for each value, as in the picture. Then go from right to left, one box at
# a time.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Begin with $\frac{\partial L}{\partial o} = 2\,(o - t)$. Each step to the left multiplies by one slope: $w_2$ on the way to
# $a$, $2h$ on the way to $h$. A parameter's own derivative is what has arrived at its box, times what the parameter is
# multiplied with there.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# $\frac{\partial L}{\partial w_2} = 2\,(o - t) \cdot a$ and $\frac{\partial L}{\partial h} = 2\,(o - t) \cdot w_2 \cdot 2h$;
# for the fork, $m + s \cdot q$ and $m + s \cdot$ what?
#
# </details>

# %%
show_numbers(**vars(own.chain), **vars(own.fork))

# %% role="checks" grade_id="chain_rule" points=8
check("chain_rule")

# %% [markdown]
# ## 4. Random variables
#
# Data are random: which images a batch holds, how noisy a pixel is. Two numbers describe a random variable $X$ with values
# $x_i$ and probabilities $p_i$. The **expectation** is the mean of very many draws, the **variance** their mean squared
# distance from it.
#
# $$ E[X] = \sum_i p_i x_i \qquad\qquad \text{Var}[X] = E\big[(X - E[X])^2\big] = E[X^2] - E[X]^2 $$
#
# **By hand,** for the values 1, 3 and 5 with the probabilities 1/2, 1/4 and 1/4: $E[X] = \frac12 + \frac34 + \frac54 =
# \frac52$ and $E[X^2] = \frac12 + \frac94 + \frac{25}4 = 9$. So $\text{Var}[X] = 9 - \frac{25}4 = \frac{11}4$.
#
# What happens to $2X + 1$? Its expectation is $2 \cdot \frac52 + 1 = 6$. For the variance, the shift moves all values alike
# and changes nothing, and twice the distance has four times the square: $4 \cdot \frac{11}4 = 11$.
#
# ## Task 5: expectation and variance (8 points)
#
# ●○○ · about 8 minutes · [probability.py](../../exercise_code/ex02_math_recap/probability.py)
#
# Fill in `expectation`, `variance` and `variance_of_line`.
#
# - **in:** nothing; your values, their probabilities, the scale and the shift are shown below
# - **out:** the numbers $E[X]$, $\text{Var}[X]$ and $\text{Var}[\text{scale} \cdot X + \text{shift}]$

# %%
for value, chance in own.variable.chances.items():
    print(f"P(X = {value}) = {chance}")
show_numbers(scale=own.variable.scale, shift=own.variable.shift)

# %% role="checks" grade_id="random_variables" points=8
check("random_variables")

# %% [markdown]
# ## 5. Bayes' rule
#
# A camera looks at every part that a factory makes, and sounds an alarm if it sees a fault. How sure can you be that a part
# with an alarm has one? **Bayes' rule** turns a conditional probability around:
#
# $$ P(\text{fault} \mid \text{alarm})
#    = \frac{P(\text{alarm} \mid \text{fault})\, P(\text{fault})}{P(\text{alarm})},
#    \qquad P(\text{alarm}) = P(\text{alarm} \mid \text{fault})\, P(\text{fault})
#    + P(\text{alarm} \mid \text{fine})\, P(\text{fine}) $$
#
# **By hand:** 1 part in 100 has a fault; the alarm sounds for 90 % of these, and for 10 % of those that are fine. Think of
# 1,000 parts. 10 have a fault, and 9 of them get an alarm. 990 are fine, and 99 of them get one, too. So of 108 alarms 9
# are true: $P(\text{fault} \mid \text{alarm}) = \frac{9}{108} = \frac{1}{12}$.

# %%
show_parts(fault=0.01, alarm_if_fault=0.9, alarm_if_fine=0.1)

# %% [markdown]
# ## Task 6: Bayes' rule (8 points)
#
# ●●○ · about 8 minutes · [probability.py](../../exercise_code/ex02_math_recap/probability.py)
#
# Fill in `alarm_rate`, `fault_after_alarm` and `fault_after_two_alarms`. For the last one each part is photographed twice,
# and the two results do not depend on each other, given that the part has a fault, and given that it has none.
#
# - **in:** nothing; your three probabilities are shown below
# - **out:** the numbers $P(\text{alarm})$, $P(\text{fault} \mid \text{alarm})$ and
#   $P(\text{fault} \mid \text{two alarms})$
#
# <details><summary>Hint 1: where to look</summary>
#
# Take 1,000 parts, or 10,000, and count them as in the example. Fractions of a part do no harm.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Two kinds of parts set off the alarm. The answer is the share of one kind among both. With two alarms, ask for each kind
# how likely two alarms in a row are: the probability for one, squared.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# With $f$ for a fault, $h$ for an alarm if there is one and $g$ for an alarm if there is none:
# $\frac{f h^2}{f h^2 + (1 - f)\,\dots}$
#
# </details>

# %%
print("P(fault)         =", own.alarm.fault)
print("P(alarm | fault) =", own.alarm.alarm_if_fault)
print("P(alarm | fine)  =", own.alarm.alarm_if_fine)

# %% role="checks" grade_id="bayes" points=8
check("bayes")

# %% [markdown] role="written" grade_id="written_bayes" points=5
# ## Task 7: an alarm is no proof (5 points)
#
# ●○○ · about 6 minutes · answer in this cell
#
# The camera's maker writes: "Our alarm finds 90 % of all faults. So if it sounds, the part is faulty with a probability of
# 90 %." With the numbers of the example (not yours) it is 1 in 12. Answer in words, for somebody who knows no formula, in
# three to five sentences:
#
# 1. Which two probabilities does the maker mix up, and why is one so much smaller than the other here?
# 2. A second, independent alarm raises the 1 in 12 to about 45 %. Why does it help so much?
#
# ### BEGIN SOLUTION
# The 90 % say how many of the faulty parts get an alarm; the buyer wants to know how many of the parts with an alarm are
# faulty. These are shares of different groups. Faults are rare, so there are a hundred times as many parts as faults, and
# even the few per cent of false alarms among the many good parts are far more (99) than the true alarms (9).
#
# A second alarm is passed by nine tenths of the faulty parts, but by only one tenth of the good ones. Among the parts with a
# first alarm the share of faults is no longer 1 in 100 but 1 in 12, and the second alarm again makes the odds nine times as
# good: from 9 : 99 to about 8 : 10.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 1 point: P(alarm given fault) and P(fault given alarm) are told apart, in any words.
# - 2 points: faults are rare, so the false alarms of the many good parts outnumber the true ones. 1 point for "there are
#   false alarms" without the rarity of faults.
# - 2 points: a second alarm thins out the good parts by a factor of 10 and the faulty ones hardly, or: the first alarm has
#   already raised the share that the second one starts from. 1 point for "two tests are more certain than one".
# - Numbers of the student's own in place of the example's do no harm.
# ### END MARKING GUIDE

# %% [markdown]
# ## 6. The likelihood
#
# Training a network means: find the parameters under which the data are most likely. The simplest model is a **normal
# distribution** with two parameters, mean $\mu$ and standard deviation $\sigma$:
#
# $$ p(x) = \frac{1}{\sigma \sqrt{2 \pi}} \exp\left(-\frac{(x - \mu)^2}{2 \sigma^2}\right) $$
#
# The likelihood of a sample is the product of its densities. Products of many small numbers become 0 in a computer, so we
# take the logarithm, which makes a sum of the product.
#
# **By hand:** for $x = 1$, $\mu = 0$ and $\sigma = 2$ the logarithm is $-\frac{1}{8} - \log 2 - \frac12 \log 2 \pi =
# -0.125 - 0.693 - 0.919 = -1.737$.
#
# Which curve fits a sample best? Here are three for the sample (2, 4, 9). The first sits in the wrong place, the second is
# too narrow, the third has the most likely mean and variance: the sample's mean, 5, and the mean squared distance from it,
# $\frac{9 + 1 + 16}{3} = \frac{26}{3}$. Setting the derivative of the log-likelihood to 0 gives these two formulas.

# %%
show_bells([2, 4, 9], {"wrong place": (1, 2.94), "too narrow": (5, 1.2), "most likely": (5, (26 / 3) ** 0.5)})

# %% [markdown]
# ## Task 8: the likelihood (9 points)
#
# ●●○ · about 10 minutes · [probability.py](../../exercise_code/ex02_math_recap/probability.py)
#
# Fill in `log_density`, `most_likely_mean` and `most_likely_variance`.
#
# - **in:** `log_density` gets `x`, a number or an array, and the numbers `mean` and `std`; the other two are about your
#   sample, shown below
# - **out:** the logarithm of the density at x, a number, or an array of x's shape; and the two numbers of the curve under
#   which your sample is most likely
#
# <details><summary>Hint 1: where to look</summary>
#
# $\log(a\,b) = \log a + \log b$, and $\log \exp(c) = c$. `np.log` takes arrays and numbers.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Do not compute $p(x)$ and take its logarithm: far from the mean $p(x)$ is 0 in a computer. Take the logarithm on paper.
# Three terms remain, as in the example.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `-0.5 * ((x - mean) / std) ** 2 - np.log(...) - 0.5 * np.log(2 * np.pi)`. For the variance: divide by 5, not by 4.
#
# </details>

# %%
show_numbers(sample=own.sample)

# %% role="checks" grade_id="likelihood" points=9
check("likelihood")

# %% [markdown]
# **A look at the result:** your curve beside one that is a little off. Yours should have the larger log-likelihood (the one
# that is less negative).

# %%
mean, std = float(as_number(most_likely_mean())), float(as_number(most_likely_variance())) ** 0.5
show_bells(own.sample, {"yours": (mean, std), "moved by 2": (mean + 2, std), "half as wide": (mean, std / 2)})

# %% [markdown]
# ## 7. Cross-entropy
#
# A classifier predicts probabilities, and its loss is minus the logarithm of the probability that it gave to what is true.
# For two classes, with $p$ the probability of class 1 and the target $t \in \{0, 1\}$, this is the **binary cross-entropy**,
# averaged over $N$ samples:
#
# $$ -\frac{1}{N} \sum_{n=1}^{N} \big( t_n \log p_n + (1 - t_n) \log (1 - p_n) \big) $$
#
# **By hand:** predictions 1/2 and 3/4 for the targets 1 and 0. What came true had the probabilities 1/2 and 1/4, so the loss
# is $-\frac12 \left(\log \frac12 + \log \frac14\right) = \frac32 \log 2 = 1.040$. Logarithms are natural ones throughout.
#
# For more classes a network gives a score, a **logit**, to each of them, and the **softmax** makes probabilities of these:
#
# $$ p_i = \frac{\exp z_i}{\sum_j \exp z_j} \qquad\qquad \text{loss} = -\log p_\text{label} $$
#
# **By hand:** the logits $(\log 1, \log 3)$ have the exponentials 1 and 3, so the probabilities are 1/4 and 3/4. With the
# label 1 (labels count from 0) the loss is $-\log \frac34 = 0.288$.
#
# Only differences of logits matter: adding 1000 to all of them multiplies numerator and denominator by the same number.

# %%
z = np.log([1.0, 3.0, 4.0])
show_shares(z, np.array([1, 3, 4]) / 8, "logits log 1, log 3 and log 4")

# %% [markdown]
# **The derivative.** If one logit grows, its probability grows and all others shrink, as they add up to 1. The derivatives
# form a matrix, the *Jacobian*:
#
# $$ \frac{\partial p_i}{\partial z_j} = \begin{cases} p_i (1 - p_i) & \text{if } i = j \\ -p_i\, p_j & \text{else}
#    \end{cases} $$
#
# For the two logits above: $\frac14 \cdot \frac34 = \frac3{16}$ on the diagonal, and $-\frac3{16}$ elsewhere.
#
# ## Task 9: cross-entropies and the softmax (12 points)
#
# ●●○ · about 14 minutes · [entropy.py](../../exercise_code/ex02_math_recap/entropy.py)
#
# Fill in `binary_cross_entropy`, `cross_entropy`, `softmax` and `softmax_jacobian`.
#
# - **in:** nothing for the two losses, which are about your numbers below; `z`, logits of shape (n,), for the two functions
# - **out:** two numbers; an array of shape (n,) with the probabilities; an array of shape (n, n) with
#   $\frac{\partial p_i}{\partial z_j}$ in row i and column j
#
# <details><summary>Hint 1: where to look</summary>
#
# For the losses, write down for each sample the probability that the model gave to what came true. For the functions:
# `np.exp`, `z.max()`, `np.diag` and `np.outer`.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# `np.exp(1000)` is infinity. Subtract the largest logit from all of them first; the probabilities stay the same. In the
# Jacobian both cases have $-p_i p_j$ in them; the diagonal has $p_i$ besides.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `powers = np.exp(z - ...)`, then `powers / ...`. The Jacobian is `np.diag(p) - ...`.
#
# </details>

# %%
for p, t in own.entropy.pairs:
    print(f"prediction p = {p!s:5} target t = {t}")
print(f"\nlogits z = ({', '.join(f'log {k}' for k in own.entropy.exponentials)}),  label {own.entropy.label}")

# %% role="checks" grade_id="cross_entropy" points=12
check("cross_entropy")

# %% [markdown]
# **A look at the result:** your softmax on your logits, and on three times these. The second picture should be more decided:
# the largest probability grows, the others shrink.

# %%
z = np.log(np.array(own.entropy.exponentials, dtype=float))
show_shares(z, softmax(z), "your logits")
show_shares(3 * z, softmax(3 * z), "three times your logits")

# %% [markdown] role="written" grade_id="written_softmax" points=7
# ## Task 10: the gradient that everybody uses (7 points)
#
# ●●● · about 10 minutes · answer in this cell
#
# The loss of one sample with the label $c$ is $L = -\log p_c$, where $p$ is the softmax of the logits $z$.
#
# 1. Derive $\frac{\partial L}{\partial z_j}$ for $j = c$ and for $j \ne c$, and write both as one formula with the vector $y$
#    that has a 1 at the label and 0 elsewhere.
# 2. What does this gradient do to the logits in a step of gradient descent, if the model is sure and right, and if it is sure
#    and wrong? Give the size of the numbers.
#
# ### BEGIN SOLUTION
# With $p_c = \exp(z_c) / \sum_k \exp(z_k)$ the loss is $L = -z_c + \log \sum_k \exp(z_k)$. The derivative of the second term
# with respect to $z_j$ is $\exp(z_j) / \sum_k \exp(z_k) = p_j$. The first term gives $-1$ for $j = c$ and 0 otherwise. So
# $\partial L / \partial z_c = p_c - 1$ and $\partial L / \partial z_j = p_j$ for $j \ne c$: together $p - y$. (The same
# follows with the Jacobian: $-\frac{1}{p_c} \frac{\partial p_c}{\partial z_j}$ is $-(1 - p_c)$ or $p_j$.)
#
# A step goes against the gradient, so it moves the logits by $\eta\,(y - p)$: the label's goes up, the others go down. Sure
# and right, $p_c \approx 1$: all entries are near 0, and hardly anything changes. Sure and wrong, $p_c \approx 0$ and
# another $p_j \approx 1$: the label's entry is about $-1$, the wrong class's about $+1$, the largest that they can be.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 3 points: a derivation, by way of $\log \sum \exp$ or of the Jacobian and the chain rule; 1 point of these for each of the
#   two cases, 1 for the way. No points here for the result alone.
# - 1 point: $p - y$ as one formula.
# - 1 point: the step goes against the gradient: the label's logit up, the others down.
# - 2 points: near 0 if sure and right; about $-1$ and $+1$ if sure and wrong. 1 point for "small" and "large".
# ### END MARKING GUIDE

# %% [markdown]
# ## 8. Sizes of convolutional layers
#
# A **convolution** slides a small kernel over an image and computes one number at each place. For an input of width $n$, a
# kernel of width $k$, a stride $s$ (how far the kernel moves each time) and a padding $p$ (zeros on each side) the width of
# the output is
#
# $$ \left\lfloor \frac{n + 2p - k}{s} \right\rfloor + 1 $$
#
# The brackets round down: a window that would reach beyond the padded input is left out. With a **dilation** $d$ the entries
# of the kernel lie $d$ pixels apart, so it spans $d\,(k - 1) + 1$ pixels in place of $k$.
#
# **By hand:** $n = 9$, $k = 3$, $s = 2$, $p = 1$ gives $\frac{9 + 2 - 3}{2} + 1 = 5$.
#
# **Parameters.** Each output channel has a kernel of $k \times k$ weights for *each* input channel, and one bias. From 3
# channels to 4 with $k = 3$: $4 \cdot (3 \cdot 9 + 1) = 112$. A pooling layer has none.
#
# **The receptive field** of an output pixel are the input pixels that it depends on. Go back from one pixel: $m$ pixels of
# an output see $s\,(m - 1) + k$ pixels of the layer's input. Two layers with $k = 3$ and $s = 2$: 1 pixel sees 3, and these
# see $2 \cdot 2 + 3 = 7$.

# %%
show_receptive_field([(3, 2), (3, 2)])

# %% [markdown]
# ## Task 11: sizes of convolutional layers (10 points)
#
# ●●○ · about 14 minutes · [convolution.py](../../exercise_code/ex02_math_recap/convolution.py)
#
# Fill in `output_size`, `parameter_count`, `sizes_of_network`, `parameters_of_network` and `receptive_field`.
#
# - **in:** `output_size` gets the ints `size`, `kernel`, `stride`, `padding` and `dilation`; `parameter_count` gets
#   `in_channels`, `out_channels`, `kernel` and whether there is a `bias`; the other three are about your network, below
# - **out:** an int each; then the widths after your three layers, three numbers; the number of all parameters, biases
#   included; and the width of the receptive field of one output pixel
#
# <details><summary>Hint 1: where to look</summary>
#
# `//` divides whole numbers and rounds down. A pooling layer slides a window just as a convolution does, so the formulas for
# size and receptive field hold for it, too.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Put the span of the dilated kernel in the place of $k$. For the network, go through it layer by layer: the output of one is
# the input of the next. The receptive field is easiest from the last layer back to the first.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `(size + 2 * padding - span) // stride + 1` with `span = dilation * (...) + 1`;
# `out_channels * (in_channels * kernel**2 + ...)`. In Python `True` counts as 1.
#
# </details>

# %%
channels = own.network.layers[0].in_channels
print(f"input: {channels} × {own.network.size} × {own.network.size} (channels × height × width)\n")
print("layer         channels   kernel  stride  padding")
for layer in own.network.layers:
    name = "convolution" if layer.kind == "conv" else "max-pooling"
    print(
        f"{name}   {layer.in_channels:3} → {layer.out_channels:<3} {layer.kernel:7} {layer.stride:7} {layer.padding:8}"
    )

# %% role="checks" grade_id="layer_sizes" points=10
check("layer_sizes")

# %% [markdown]
# ## 9. A convolution and a max-pooling, forward and backward
#
# **Forward,** an output is the sum of window times kernel, entry by entry, plus the bias. Deep learning lays the kernel on
# as it is, without turning it round as mathematicians do. The first output below is
# $1 \cdot 1 + 0 \cdot (-1) + 3 \cdot 2 + 1 \cdot 0 + 1 = 8$.

# %%
x, K = np.array([[1, 0, 2], [3, 1, 0], [0, 2, 1]]), np.array([[1, -1], [2, 0]])
show_convolution(x, K, [[8, 1], [3, 6]], place=(0, 0), bias=1)

# %% [markdown]
# **Backward,** $\frac{\partial L}{\partial \text{out}}$ comes from the layers behind, one number $g$ for each output. An
# output is window times kernel, so it sends $g$ times the window to the kernel's gradient, and $g$ times the kernel to the
# window's place in the input's gradient. Everything that arrives at the same place is added.
#
# With $\frac{\partial L}{\partial \text{out}} = \begin{pmatrix} 1 & 0 \\ 0 & -1 \end{pmatrix}$ two windows count, that in the
# top left corner with 1 and that in the bottom right one with $-1$:
#
# $$ \frac{\partial L}{\partial K} = \begin{pmatrix} 1 & 0 \\ 3 & 1 \end{pmatrix}
#    - \begin{pmatrix} 1 & 0 \\ 2 & 1 \end{pmatrix} = \begin{pmatrix} 0 & 0 \\ 1 & 0 \end{pmatrix}
#    \qquad
#    \frac{\partial L}{\partial x} = \begin{pmatrix} 1 & -1 & 0 \\ 2 & 0 & 0 \\ 0 & 0 & 0 \end{pmatrix}
#    - \begin{pmatrix} 0 & 0 & 0 \\ 0 & 1 & -1 \\ 0 & 2 & 0 \end{pmatrix}
#    = \begin{pmatrix} 1 & -1 & 0 \\ 2 & -1 & 1 \\ 0 & -2 & 0 \end{pmatrix} $$
#
# There is a checksum for these, too: kernel times its gradient, entry by entry and added up, is what the outputs without
# bias give, weighted with $\frac{\partial L}{\partial \text{out}}$. Here both are 2: $2 \cdot 1$, and
# $1 \cdot 7 - 1 \cdot 5$. Input times its gradient gives the same.
#
# **Max-pooling** takes the largest number of each window. Padding counts as minus infinity, so it never wins. Backward, the
# whole gradient of an output goes to the one input that has won; one that has won in two windows gets both, added.

# %%
x = np.array([[-3, -1, 2], [-2, -5, 3], [4, 0, -6]])
show_pooling(x, [[-1, 3], [4, 3]], place=(0, 0))

# %% [markdown]
# With $\frac{\partial L}{\partial \text{out}} = \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}$ the $-1$ gets 1, the 4 gets 3,
# and the 3, which wins in both windows on the right, gets $2 + 4 = 6$. All other inputs get 0.
#
# ## Task 12: a convolution and a max-pooling (11 points)
#
# ●●● · about 18 minutes · [convolution.py](../../exercise_code/ex02_math_recap/convolution.py)
#
# Fill in `convolution_output`, `kernel_gradient`, `input_gradient`, `pool_output` and `pool_input_gradient`.
#
# - **in:** nothing; below are your convolution (stride 1, no padding) and your max-pooling (windows of 3 × 3, stride 2,
#   padding 1), each with its $\frac{\partial L}{\partial \text{out}}$
# - **out:** for the convolution the output of shape (3, 3), and the gradients for the kernel, (2, 2), and the input, (4, 4);
#   for the max-pooling the output, (2, 2), and the gradient for the input, (4, 4)
#
# <details><summary>Hint 1: where to look</summary>
#
# Draw the windows on paper: the convolution has nine, the pooling four. Those of the pooling stick out of the input at the
# top and on the left, so the first one holds only four numbers.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# For the gradients go through the outputs one by one, and skip those whose $\frac{\partial L}{\partial \text{out}}$ is 0. Each
# adds a multiple of its window to the kernel's gradient, and a multiple of the kernel to the input's gradient, at the place
# of its window.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# Output $(i, j)$ of the convolution sees the rows $i$ and $i + 1$, and the columns $j$ and $j + 1$. Output $(i, j)$ of the
# pooling sees the rows and columns 0 and 1 where $i$ or $j$ is 0, and 1 to 3 where it is 1. If the sum of the input's gradient
# is not the sum of $\frac{\partial L}{\partial \text{out}}$, an input that has won twice has got one of them only.
#
# </details>

# %%
print("Your convolution (dout stands for dL/dout):\n")
show_numbers(**vars(own.convolution))
print("\n\nYour max-pooling:")
show_numbers(**vars(own.pooling))

# %% role="checks" grade_id="convolution" points=11
check("convolution")

# %% [markdown]
# **A look at the result.** One window of each is marked: go through its numbers once more.

# %%
outputs = np.array(convolution.convolution_output()), np.array(convolution.pool_output())
show_convolution(own.convolution.x, own.convolution.K, outputs[0], place=(1, 1), bias=own.convolution.b)
show_pooling(own.pooling.x, outputs[1], place=(1, 1))

# %% [markdown]
# **Think.** The gradient for the bias of the convolution was not asked for. What is it?
#
# <details><summary>Open this when you have an answer.</summary>
#
# The bias is added to each of the nine outputs, so it gets the sum of all nine entries of
# $\frac{\partial L}{\partial \text{out}}$. It is a value that is used nine times: a fork with nine branches.
#
# </details>
#
# ## What you learned
#
# - A gradient has an entry for each weight, and can be measured as well as derived.
# - Backward, each step multiplies by its slope; where a value is used twice, the parts are added.
# - Bayes' rule turns a conditional probability around; counting a thousand parts does the same without a formula.
# - Cross-entropy is minus the logarithm of a likelihood. Together with the softmax its gradient is as simple as can be.
# - A convolution's gradients are made of its own windows and its own kernel; a max-pooling's go to the winners.
# - For every answer there is a test that does not need the answer: a checksum, a measurement, a simulation.
#
# ## Hand in
#
# Save this notebook, so that your written answers are in the file, then run the next cell. It packs your five modules, this
# notebook and `student_id.txt`.

# %%
submit("ex02_math_recap")

# %% [markdown]
# ## Read on
#
# - [Mathematics for deep learning](https://d2l.ai/chapter_appendix-mathematics-for-deep-learning/index.html) in *Dive into
#   Deep Learning*: each section of this notebook at length.
# - [Mathematics for Machine Learning](https://mml-book.github.io/), a whole book, free to read.
# - [Convolution arithmetic](https://github.com/vdumoulin/conv_arithmetic): moving pictures of kernels, strides and paddings.
