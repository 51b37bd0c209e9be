# %% [markdown]
# # Exercise 6, part 2: normalisation
