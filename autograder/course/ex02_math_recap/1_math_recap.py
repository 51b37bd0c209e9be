# %% [markdown]
# # Exercise 2

# %%
from exercise_code import check, student_id

student_id()

# %% [markdown]
# ## Task 1: matrices (8 points)

# %% role="checks" grade_id="matrices" points=8
check("matrices")

# %% [markdown]
# ## Task 2: matrix_calculus (8 points)

# %% role="checks" grade_id="matrix_calculus" points=8
check("matrix_calculus")

# %% [markdown] role="written" grade_id="written_least_squares" points=6
# ## Task 3: written_least_squares (6 points)
#
# ### BEGIN SOLUTION
# x
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# x
# ### END MARKING GUIDE

# %% [markdown]
# ## Task 4: chain_rule (8 points)

# %% role="checks" grade_id="chain_rule" points=8
check("chain_rule")

# %% [markdown]
# ## Task 5: random_variables (8 points)

# %% role="checks" grade_id="random_variables" points=8
check("random_variables")

# %% [markdown]
# ## Task 6: bayes (8 points)

# %% role="checks" grade_id="bayes" points=8
check("bayes")

# %% [markdown] role="written" grade_id="written_bayes" points=5
# ## Task 7: written_bayes (5 points)
#
# ### BEGIN SOLUTION
# x
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# x
# ### END MARKING GUIDE

# %% [markdown]
# ## Task 8: likelihood (9 points)

# %% role="checks" grade_id="likelihood" points=9
check("likelihood")

# %% [markdown]
# ## Task 9: cross_entropy (12 points)

# %% role="checks" grade_id="cross_entropy" points=12
check("cross_entropy")

# %% [markdown] role="written" grade_id="written_softmax" points=7
# ## Task 10: written_softmax (7 points)
#
# ### BEGIN SOLUTION
# x
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# x
# ### END MARKING GUIDE

# %% [markdown]
# ## Task 11: layer_sizes (10 points)

# %% role="checks" grade_id="layer_sizes" points=10
check("layer_sizes")

# %% [markdown]
# ## Task 12: convolution (11 points)

# %% role="checks" grade_id="convolution" points=11
check("convolution")
