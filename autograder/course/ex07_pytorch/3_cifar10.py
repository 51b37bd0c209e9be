# %% [markdown]
# # 3_cifar10

# %%
# %load_ext autoreload
# %autoreload 2
from exercise_code import check

# %% [markdown]
# ## Task 14: t (4 points)
#
# ●○○ · about 5 minutes · [tensors.py](../../exercise_code/ex07_pytorch/tensors.py)

# %% role="checks" grade_id="cifar_model" points=4
check("cifar_model")

# %% [markdown]
# ## Task 15: t (22 points)
#
# ●○○ · about 5 minutes · [tensors.py](../../exercise_code/ex07_pytorch/tensors.py)

# %% role="checks" grade_id="cifar_score" points=22
check("cifar_score")

# %% [markdown] role="written" grade_id="written_connected" points=3
# ## Task 16: why? (3 points)
#
# ●●○ · about 5 minutes · answer in this cell
#
# Why?
#
# ### BEGIN SOLUTION
# Because.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# 3 points.
# ### END MARKING GUIDE
