# %% [markdown]
# # Exercise 6: hyperparameters

# %%
from exercise_code import check

# %% role="checks" grade_id="scales" points=6
check("scales")
