# %% [markdown]
# # Segmentation

# %%
# %load_ext autoreload
# %autoreload 2
from exercise_code import check

# %% [markdown]
# ## Task 1: x (4 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.

# %% role="checks" grade_id="scenes_tensors" points=4
check("scenes_tensors")

# %% [markdown]
# ## Task 2: x (9 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.

# %% role="checks" grade_id="scenes_augment" points=9
check("scenes_augment")

# %% [markdown]
# ## Task 3: x (7 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.

# %% role="checks" grade_id="loss_pixels" points=7
check("loss_pixels")

# %% [markdown]
# ## Task 4: x (4 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.

# %% role="checks" grade_id="loss_weights" points=4
check("loss_weights")

# %% [markdown]
# ## Task 5: x (6 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.

# %% role="checks" grade_id="measures_scores" points=6
check("measures_scores")

# %% [markdown]
# ## Task 6: x (4 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.

# %% role="checks" grade_id="layers_field" points=4
check("layers_field")

# %% [markdown]
# ## Task 7: x (7 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.

# %% role="checks" grade_id="layers_blocks" points=7
check("layers_blocks")

# %% [markdown]
# ## Task 8: x (7 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.

# %% role="checks" grade_id="unet_model" points=7
check("unet_model")

# %% [markdown]
# ## Task 9: x (4 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.

# %% role="checks" grade_id="measures_predict" points=4
check("measures_predict")

# %% [markdown]
# ## Task 10: x (3 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.

# %% role="checks" grade_id="transfer_features" points=3
check("transfer_features")

# %% [markdown]
# ## Task 11: x (4 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.

# %% role="checks" grade_id="transfer_head" points=4
check("transfer_head")

# %% [markdown]
# ## Task 12: x (6 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.

# %% role="checks" grade_id="transfer_freeze" points=6
check("transfer_freeze")

# %% [markdown]
# ## Task 13: x (28 points)
#
# ●○○ · about 5 minutes · in this notebook
#
# Do.

# %% role="checks" grade_id="segmentation_score" points=28
check("segmentation_score")

# %% [markdown] role="written" grade_id="written_14" points=4
# ## Task 14: why? (4 points)
#
# ●●○ · about 5 minutes · answer in this cell
#
# Why?
#
# ### BEGIN SOLUTION
# X.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# 4 points.
# ### END MARKING GUIDE

# %% [markdown] role="written" grade_id="written_15" points=3
# ## Task 15: why? (3 points)
#
# ●●○ · about 5 minutes · answer in this cell
#
# Why?
#
# ### BEGIN SOLUTION
# X.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# 3 points.
# ### END MARKING GUIDE
