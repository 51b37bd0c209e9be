# %% [markdown]
# # Exercise 5, part 1: layers

# %%
from exercise_code import check

# %% [markdown]
# ## Task 1: t (8 points)

# %% role="checks" grade_id="affine_examples" points=8
check("affine_examples")

# %% [markdown]
# ## Task 2: t (10 points)

# %% role="checks" grade_id="gradient_check" points=10
check("gradient_check")

# %% [markdown]
# ## Task 3: t (14 points)

# %% role="checks" grade_id="affine" points=14
check("affine")

# %% [markdown]
# ## Task 4: t (12 points)

# %% role="checks" grade_id="activations" points=12
check("activations")

# %% [markdown] role="written" grade_id="written_gradients" points=5
# ## Task 5: why formulas? (5 points)
#
# ●●○ · about 8 minutes · answer in this cell
#
# ### BEGIN SOLUTION
# x
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# x
# ### END MARKING GUIDE
