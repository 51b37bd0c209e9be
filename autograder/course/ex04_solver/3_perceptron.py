# %% [markdown]
# # Exercise 4

# %%
