# %% [markdown]
# # Exercise 6

# %%
from exercise_code import check

# %% [markdown]
# ## Task 1: scales (6 points)

# %% role="checks" grade_id="scales" points=6
check("scales")

# %% [markdown]
# ## Task 2: search (6 points)

# %% role="checks" grade_id="search" points=6
check("search")

# %% [markdown]
# ## Task 3: leaky_relu (4 points)

# %% role="checks" grade_id="leaky_relu" points=4
check("leaky_relu")

# %% [markdown]
# ## Task 4: dropout (10 points)

# %% role="checks" grade_id="dropout" points=10
check("dropout")

# %% [markdown]
# ## Task 5: classifier (9 points)

# %% role="checks" grade_id="classifier" points=9
check("classifier")

# %% [markdown]
# ## Task 6: l2 (5 points)

# %% role="checks" grade_id="l2" points=5
check("l2")

# %% [markdown]
# ## Task 7: adamw (7 points)

# %% role="checks" grade_id="adamw" points=7
check("adamw")

# %% [markdown]
# ## Task 8: augmentation (9 points)

# %% role="checks" grade_id="augmentation" points=9
check("augmentation")

# %% [markdown]
# ## Task 9: hunt (12 points)

# %% role="checks" grade_id="hunt" points=12
check("hunt")

# %% [markdown] role="written" grade_id="written_rest" points=32
# ## Task 10: words (32 points)
#
# ### BEGIN SOLUTION
# words
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# words
# ### END MARKING GUIDE
