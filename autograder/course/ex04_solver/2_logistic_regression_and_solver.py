# %% [markdown]
# # Exercise 4

# %%
from exercise_code import check

# %% [markdown]
# ## Task 7: sigmoid (6 points)

# %% role="checks" grade_id="sigmoid" points=6
check("sigmoid")

# %% [markdown]
# ## Task 8: classifier (9 points)

# %% role="checks" grade_id="classifier" points=9
check("classifier")

# %% [markdown]
# ## Task 9: loss_bce (10 points)

# %% role="checks" grade_id="loss_bce" points=10
check("loss_bce")

# %% [markdown]
# ## Task 10: solver_step (7 points)

# %% role="checks" grade_id="solver_step" points=7
check("solver_step")

# %% [markdown]
# ## Task 11: solver_best (8 points)

# %% role="checks" grade_id="solver_best" points=8
check("solver_best")

# %% [markdown] role="written" grade_id="written_2" points=5
# ## Task 12: a (5 points)
#
# ### BEGIN SOLUTION
# An answer of this kind is missing.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 5 points.
# ### END MARKING GUIDE
