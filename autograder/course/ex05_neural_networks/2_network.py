# %% [markdown]
# # Exercise 5, part 2: a network

# %%
from exercise_code import check

# %% [markdown]
# ## Task 6: t (14 points)

# %% role="checks" grade_id="network" points=14
check("network")

# %% [markdown]
# ## Task 7: t (12 points)

# %% role="checks" grade_id="softmax_loss" points=12
check("softmax_loss")

# %% [markdown]
# ## Task 8: t (6 points)

# %% role="checks" grade_id="momentum" points=6
check("momentum")

# %% [markdown]
# ## Task 9: t (9 points)

# %% role="checks" grade_id="adam" points=9
check("adam")

# %% [markdown]
# ## Task 10: t (5 points)

# %% role="checks" grade_id="init_scale" points=5
check("init_scale")

# %% [markdown] role="written" grade_id="written_curves" points=5
# ## Task 11: x (5 points)
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
