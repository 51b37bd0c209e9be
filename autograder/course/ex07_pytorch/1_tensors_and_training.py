# %% [markdown]
# # 1_tensors_and_training

# %%
# %load_ext autoreload
# %autoreload 2
from exercise_code import check

# %% [markdown]
# ## Task 1: t (4 points)
#
# ●○○ · about 5 minutes · [tensors.py](../../exercise_code/ex07_pytorch/tensors.py)

# %% role="checks" grade_id="pytorch_images" points=4
check("pytorch_images")

# %% [markdown]
# ## Task 2: t (5 points)
#
# ●○○ · about 5 minutes · [tensors.py](../../exercise_code/ex07_pytorch/tensors.py)

# %% role="checks" grade_id="pytorch_distances" points=5
check("pytorch_distances")

# %% [markdown]
# ## Task 3: t (5 points)
#
# ●○○ · about 5 minutes · [tensors.py](../../exercise_code/ex07_pytorch/tensors.py)

# %% role="checks" grade_id="pytorch_gradient" points=5
check("pytorch_gradient")

# %% [markdown]
# ## Task 4: t (6 points)
#
# ●○○ · about 5 minutes · [tensors.py](../../exercise_code/ex07_pytorch/tensors.py)

# %% role="checks" grade_id="pytorch_descent" points=6
check("pytorch_descent")

# %% [markdown]
# ## Task 5: t (3 points)
#
# ●○○ · about 5 minutes · [tensors.py](../../exercise_code/ex07_pytorch/tensors.py)

# %% role="checks" grade_id="pytorch_detach" points=3
check("pytorch_detach")

# %% [markdown] role="written" grade_id="written_views" points=3
# ## Task 6: why? (3 points)
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

# %% [markdown]
# ## Task 7: t (4 points)
#
# ●○○ · about 5 minutes · [tensors.py](../../exercise_code/ex07_pytorch/tensors.py)

# %% role="checks" grade_id="pytorch_layer" points=4
check("pytorch_layer")

# %% [markdown]
# ## Task 8: t (4 points)
#
# ●○○ · about 5 minutes · [tensors.py](../../exercise_code/ex07_pytorch/tensors.py)

# %% role="checks" grade_id="pytorch_buffer" points=4
check("pytorch_buffer")

# %% [markdown]
# ## Task 9: t (5 points)
#
# ●○○ · about 5 minutes · [tensors.py](../../exercise_code/ex07_pytorch/tensors.py)

# %% role="checks" grade_id="pytorch_mlp" points=5
check("pytorch_mlp")

# %% [markdown]
# ## Task 10: t (6 points)
#
# ●○○ · about 5 minutes · [tensors.py](../../exercise_code/ex07_pytorch/tensors.py)

# %% role="checks" grade_id="pytorch_step" points=6
check("pytorch_step")

# %% [markdown]
# ## Task 11: t (6 points)
#
# ●○○ · about 5 minutes · [tensors.py](../../exercise_code/ex07_pytorch/tensors.py)

# %% role="checks" grade_id="pytorch_evaluate" points=6
check("pytorch_evaluate")

# %% [markdown]
# ## Task 12: t (8 points)
#
# ●○○ · about 5 minutes · [tensors.py](../../exercise_code/ex07_pytorch/tensors.py)

# %% role="checks" grade_id="pytorch_fit" points=8
check("pytorch_fit")
