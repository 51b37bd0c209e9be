# %% [markdown]
# # Exercise 8

# %%
# %load_ext autoreload
# %autoreload 2
from exercise_code import check

# %% [markdown]
# ## Task 1: shapes_sizes (5 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.
#
# - **in:** x
# - **out:** y

# %% role="checks" grade_id="shapes_sizes" points=5
check("shapes_sizes")

# %% [markdown]
# ## Task 2: encoder (7 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.
#
# - **in:** x
# - **out:** y

# %% role="checks" grade_id="encoder" points=7
check("encoder")

# %% [markdown]
# ## Task 3: decoder (7 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.
#
# - **in:** x
# - **out:** y

# %% role="checks" grade_id="decoder" points=7
check("decoder")

# %% [markdown]
# ## Task 4: autoencoder (6 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.
#
# - **in:** x
# - **out:** y

# %% role="checks" grade_id="autoencoder" points=6
check("autoencoder")

# %% [markdown]
# ## Task 5: classifier (7 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.
#
# - **in:** x
# - **out:** y

# %% role="checks" grade_id="classifier" points=7
check("classifier")

# %% [markdown]
# ## Task 6: transfer (6 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.
#
# - **in:** x
# - **out:** y

# %% role="checks" grade_id="transfer" points=6
check("transfer")

# %% [markdown]
# ## Task 7: augment_matrices (6 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.
#
# - **in:** x
# - **out:** y

# %% role="checks" grade_id="augment_matrices" points=6
check("augment_matrices")

# %% [markdown]
# ## Task 8: augment_digits (6 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.
#
# - **in:** x
# - **out:** y

# %% role="checks" grade_id="augment_digits" points=6
check("augment_digits")

# %% [markdown]
# ## Task 9: labels_loss (5 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.
#
# - **in:** x
# - **out:** y

# %% role="checks" grade_id="labels_loss" points=5
check("labels_loss")

# %% [markdown]
# ## Task 10: labels_pseudo (5 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.
#
# - **in:** x
# - **out:** y

# %% role="checks" grade_id="labels_pseudo" points=5
check("labels_pseudo")

# %% [markdown]
# ## Task 11: labels_consistency (6 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.
#
# - **in:** x
# - **out:** y

# %% role="checks" grade_id="labels_consistency" points=6
check("labels_consistency")

# %% [markdown]
# ## Task 12: digits_score (24 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.
#
# - **in:** x
# - **out:** y

# %% role="checks" grade_id="digits_score" points=24
check("digits_score")

# %% [markdown] role="written" grade_id="written_a" points=10
# ## Task 13: why? (10 points)
#
# ●●○ · about 5 minutes · answer in this cell
#
# Why?
#
# ### BEGIN SOLUTION
# So.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# 10 points.
# ### END MARKING GUIDE
