# %% [markdown]
# # Exercise 4

# %%
from exercise_code import check
