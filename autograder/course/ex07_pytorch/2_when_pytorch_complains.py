# %% [markdown]
# # 2_when_pytorch_complains

# %%
# %load_ext autoreload
# %autoreload 2
from exercise_code import check

# %% [markdown]
# ## Task 13: t (12 points)
#
# ●○○ · about 5 minutes · [tensors.py](../../exercise_code/ex07_pytorch/tensors.py)

# %% role="checks" grade_id="pytorch_traps" points=12
check("pytorch_traps")
