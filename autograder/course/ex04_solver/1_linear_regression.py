# %% [markdown]
# # Exercise 4

# %%
from exercise_code import check

# %% [markdown]
# ## Task 1: standardize (8 points)

# %% role="checks" grade_id="standardize" points=8
check("standardize")

# %% [markdown]
# ## Task 2: loss_examples (6 points)

# %% role="checks" grade_id="loss_examples" points=6
check("loss_examples")

# %% [markdown]
# ## Task 3: losses_regression (14 points)

# %% role="checks" grade_id="losses_regression" points=14
check("losses_regression")

# %% [markdown]
# ## Task 4: linear_model (12 points)

# %% role="checks" grade_id="linear_model" points=12
check("linear_model")

# %% [markdown]
# ## Task 5: optimizer (10 points)

# %% role="checks" grade_id="optimizer" points=10
check("optimizer")

# %% [markdown] role="written" grade_id="written_1" points=5
# ## Task 6: a (5 points)
#
# ### BEGIN SOLUTION
# An answer of this kind is missing.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 5 points.
# ### END MARKING GUIDE
