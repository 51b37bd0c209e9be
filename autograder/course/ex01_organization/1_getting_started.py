# %% [markdown]
# # Exercise 1: getting started
#
# **What you will learn:** how a notebook works, how numpy computes with whole arrays, how your code is checked, and how
# you hand it in. In the end you have handed in a small model that predicts temperatures.
#
# **To pass:** 60 of 100 points.
#
# **Time:** about 40 minutes.
#
# **What you need:** Python: functions, loops, lists, a first idea of classes. You need no numpy, and you need not have
# seen a notebook before.
#
# **Where you write code:** in the file [first_steps.py](../../exercise_code/ex01_organization/first_steps.py). A click on
# the link opens it beside this notebook.
#
# | task | what you write | difficulty | points |
# |---|---|---|---|
# | 1 | `to_fahrenheit` | ●○○ | 15 |
# | 2 | `daily_means` | ●○○ | 15 |
# | 3 | `relative_to_mean` | ●●○ | 20 |
# | 4 | `distances` | ●●○ | 20 |
# | 5 | `AverageDay.fit` and `forward` | ●●○ | 20 |
# | 6 | an answer in words | ●○○ | 10 |

# %% [markdown]
# ## 1. A notebook
#
# A notebook is a column of **cells**. This one is text. The next one is code: click into it and press **Shift + Enter**.
# The cell runs, its result appears below it, and the next cell is selected.

# %%
print("Hello!", 6 * 7)

# %% [markdown]
# What runs the code is called the **kernel**: a Python program that lives as long as the notebook is open. It remembers
# everything, in the order in which *you* run the cells. `[1]` beside a cell says that it was the first to run.
#
# Run the next two cells, then the second one twice more:

# %%
count = 0

# %%
count = count + 1
print("count is", count)

# %% [markdown]
# Each run adds one, though the code stays the same. This is the trap of notebooks: what you see on the page may not be
# what the kernel knows. When things become strange, choose **Kernel → Restart Kernel and Run All Cells...** in the menu. It
# forgets everything and runs the notebook from top to bottom.
#
# Some more things to know:
#
# - **Ctrl + S** (on a Mac ⌘ + S) saves the notebook. Only what is saved is handed in.
# - **Tab** completes a name that you have begun; **Shift + Tab** after a name shows what it is.
# - A code cell that does not come to an end is stopped by the ■ at the top.
# - A text cell opens with a double click, and closes with Shift + Enter.
#
# Every notebook of this course has a cell like the next one at its top. Its first two lines make sure that the notebook
# always uses your files as they are on disk: save the file, run a cell, and the new code is there.

# %%
# %load_ext autoreload
# %autoreload 3
# %matplotlib inline

import time

import numpy as np

from exercise_code import check, submit
from exercise_code.ex01_organization.first_steps import (
    AverageDay,
    daily_means,
    distances,
    relative_to_mean,
    to_fahrenheit,
)
from exercise_code.ex01_organization.pictures import show_axes, show_days, show_stretching
from exercise_code.ex01_organization.setup_check import show_setup
from exercise_code.ex01_organization.weather import make_temperatures

# %% [markdown]
# Is everything there that you need for this course? A line with `!` says what to do.

# %%
show_setup()

# %% [markdown]
# ## 2. Arrays
#
# A numpy **array** is a table of numbers. Here are the temperatures of a week, made up, but not unlike the real ones: a
# row for each day, a column for each hour.

# %%
week = make_temperatures(days=7)
print("shape:", week.shape)
print("type of its numbers:", week.dtype)
print("the first day, from midnight to 5 o'clock:", week[0, :6])

# %% [markdown]
# The **shape** `(7, 24)` says how many rows and columns there are. Rows and columns are counted from 0: `week[0]` is the
# first day, `week[0, 3]` its temperature at 3 o'clock, `week[:, 3]` the temperature at 3 o'clock of all days.
#
# A picture says more than 168 numbers:

# %%
show_days(week)

# %% [markdown]
# With arrays you compute without loops: an operation with a number is done for each entry.

# %%
first = week[0, :4]
print("temperatures:  ", first)
print("one degree more:", first + 1)
print("doubled:        ", 2 * first)

# %% [markdown]
# ## Task 1: degrees (15 points)
#
# ●○○ · about 5 minutes · [first_steps.py](../../exercise_code/ex01_organization/first_steps.py)
#
# This first task shows how all tasks work. Do these steps one after the other:
#
# 1. Run the cell with `check(...)` below, before you have written anything. It says that the task is not written yet.
# 2. Open the file `first_steps.py` and find `to_fahrenheit`. The text in triple quotes says what the function is to do.
#    Where it says `# YOUR CODE HERE`, delete the line with `raise` and write `return 1.8 * celsius` in its place. Save
#    the file.
# 3. Run the cell with `check(...)` again. Now a check fails, **on purpose**: it says what was called, what was wanted,
#    and what came. Here it even says what is missing, as many have forgotten this before you.
# 4. Make it right, save the file, and run the check once more.
#
# - **in:** `celsius`, a float array of any shape, in degrees Celsius
# - **out:** a new array of the same shape in degrees Fahrenheit: 1.8 times the Celsius value, plus 32. The array that
#   came in must not change.

# %% role="checks" grade_id="to_fahrenheit" points=15
check("to_fahrenheit")

# %% [markdown]
# All green? Then read the line above the table once more: "The grader also runs hidden checks". When you hand in, your code
# is called with other numbers as well. Code that does what the task says has nothing to fear from that; code that
# returns just the numbers of the visible checks does not get far.

# %%
print(to_fahrenheit(week[0, :4]))

# %% [markdown]
# You should see `[52.88 49.82 48.38 48.74]`, the first four hours of the week in degrees Fahrenheit.

# %% [markdown]
# ## 3. Axes
#
# Many functions make one number of many: `sum`, `mean`, `max`. With `axis` you say in which direction. Axis 0
# counts the rows, axis 1 the columns. The axis that you name is the one that goes away:

# %%
show_axes()

# %%
table = np.array([[1, 2, 3], [10, 20, 30]])
print("sum of everything:", table.sum())
print("sum(axis=0):", table.sum(axis=0), " shape", table.sum(axis=0).shape)
print("sum(axis=1):", table.sum(axis=1), " shape", table.sum(axis=1).shape)

# %% [markdown]
# ## Task 2: one mean a day (15 points)
#
# ●○○ · about 3 minutes · [first_steps.py](../../exercise_code/ex01_organization/first_steps.py)
#
# Fill in `daily_means`.
#
# - **in:** `temperatures`, a float array of shape (D, H): D days of H hours
# - **out:** a float array of shape (D,), the mean of each day

# %% role="checks" grade_id="daily_means" points=15
check("daily_means")

# %%
print(np.round(daily_means(week), 1))

# %% [markdown]
# Seven numbers, all between 13 and 19. If you see 24 numbers, you took the other axis.
#
# ## 4. Broadcasting
#
# An array and a number can be subtracted, and two arrays of the same shape can. Between these lies something useful: where
# one array has a 1 in its shape, numpy stretches it to fit the other one. This is called **broadcasting**.

# %%
show_stretching()

# %% [markdown]
# Shapes are compared from the right. (2, 3) and (2, 1) fit: 3 and 1, 2 and 2. But (2, 3) and (2,) do not: 3 and 2 are
# different, and neither is 1. A mean has lost an axis, so it is an array like the second one. `keepdims=True` keeps a
# 1 in its place:

# %%
print("mean(axis=1):               ", table.mean(axis=1).shape)
print("mean(axis=1, keepdims=True):", table.mean(axis=1, keepdims=True).shape)

# %% [markdown]
# ## Task 3: warmer than the day's mean (20 points)
#
# ●●○ · about 5 minutes · [first_steps.py](../../exercise_code/ex01_organization/first_steps.py)
#
# Fill in `relative_to_mean`.
#
# - **in:** `temperatures`, a float array of shape (D, H)
# - **out:** a new float array of shape (D, H): each temperature minus the mean of its day. The array that came in must not
#   change.
#
# **By hand:** the day 10, 20, 30 has the mean 20, so it becomes −10, 0, 10.
#
# <details><summary>Hint 1: where to look</summary>
#
# At the cells above, and at your `daily_means`. What is the shape of the means, and what should it be?
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# The means have to be a column of shape (D, 1), which is stretched over the H hours. An array of shape (D,) would be
# stretched along the days instead, or not fit at all.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `temperatures - temperatures.mean(axis=..., keepdims=...)`
#
# </details>

# %% role="checks" grade_id="relative_to_mean" points=20
check("relative_to_mean")

# %%
left = relative_to_mean(week)
print("means of the days now:", np.round(left.mean(axis=1), 6) + 0.0)
show_days(left, title="How far each hour is from the mean of its day", ylabel="difference in degrees")

# %% [markdown]
# The means should all be 0, and the seven curves should lie close together: cold and warm days differ by their means much
# more than by their shape.
#
# ## 5. Without loops
#
# Why all this, when a loop does the same? Because of the time that it takes. A year of temperatures has 8,760 numbers. Here
# each of them is squared and added up, first with a loop, then by numpy:

# %%
year = make_temperatures(days=365, seed=1)

start = time.perf_counter()
total = 0.0
for i in range(365):
    for j in range(24):
        total += year[i, j] ** 2
loop_seconds = time.perf_counter() - start

start = time.perf_counter()
fast = (year**2).sum()
numpy_seconds = time.perf_counter() - start

print(f"loop {1000 * loop_seconds:.2f} ms, numpy {1000 * numpy_seconds:.3f} ms", end=": ")
print(f"{loop_seconds / numpy_seconds:,.0f} times as fast; the sums are {total:,.0f} and {fast:,.0f}")

# %% [markdown]
# A factor of 20 to 100 is usual. It is the difference between a minute and an hour, and networks compute a million times
# more than this.
#
# ## Task 4: the most similar day (20 points)
#
# ●●○ · about 6 minutes · [first_steps.py](../../exercise_code/ex01_organization/first_steps.py)
#
# Fill in `distances`. The distance of two days is the mean of the squared differences of their hours. You
# need no loop for it, but none is forbidden.
#
# - **in:** `days`, a float array of shape (D, H), and `day`, a float array of shape (H,)
# - **out:** a float array of shape (D,): how far each of the days is from `day`
#
# **By hand:** from the day 1, 2, 3 the day 1, 4, 3 is $(0^2 + 2^2 + 0^2) / 3 \approx 1.33$ away.
#
# <details><summary>Hint 1: where to look</summary>
#
# Shapes are compared from the right. Do (D, H) and (H,) fit without any help? What would be stretched?
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Three steps for all days at once: subtract, square (`** 2`), and take the mean along the axis of the hours.
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `((days - ...) ** 2).mean(axis=...)`
#
# </details>

# %% role="checks" grade_id="distances" points=20
check("distances")

# %% [markdown]
# Which day of the year is most like the first one?

# %%
apart = distances(year, year[0])
nearest = np.argsort(apart)[:4]
for i in nearest:
    print(f"day {i:3}: distance {apart[i]:5.2f}, mean temperature {daily_means(year)[i]:4.1f}")

# %% [markdown]
# The first line has to be day 0 with the distance 0: no day is as similar as the day itself.
#
# ## 6. A first model
#
# A **model** makes predictions. It has numbers inside, its *parameters*, which it takes from data, and a method `forward`
# that computes predictions. The models of this course are classes, up to networks with millions of parameters. This one
# has 24: it predicts that every day will be an average day.
#
# That is not much, and still worth having. A model that is not better than this one has learned nothing, so it is a
# **baseline**: what every other model is compared with.
#
# ## Task 5: the average day (20 points)
#
# ●●○ · about 6 minutes · [first_steps.py](../../exercise_code/ex01_organization/first_steps.py)
#
# Fill in the two methods of `AverageDay`.
#
# - **in:** `fit` gets `days`, a float array of shape (D, H); `forward` gets `count`, an int
# - **out:** `fit` sets `self.profile`, shape (H,), to the mean over the days of each hour, and returns the model itself
#   (so that `AverageDay().fit(days)` can stand in one line); `forward` returns an array of shape (count, H) with the
#   profile in each row
#
# <details><summary>Hint 1: where to look</summary>
#
# `fit` is Task 2 with the other axis. To repeat a row, look at `np.tile`, or think of broadcasting.
#
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# What one method is to leave for another goes into an attribute: `self.profile = ...`. An array of zeros of shape
# (count, 1) plus one of shape (H,) has the shape (count, H).
#
# </details>
#
# <details><summary>Hint 3: almost the line</summary>
#
# `self.profile = days.mean(axis=...)`, then `return self`. And `np.tile(self.profile, (count, 1))`.
#
# </details>

# %% role="checks" grade_id="average_day" points=20
check("average_day")

# %%
model = AverageDay().fit(year)
predictions = model.forward(len(week))
show_days(week, model.profile)

errors = np.abs(predictions - week).mean()
print(f"on the week from above, which it has not seen, the model is {errors:.1f} degrees off on average")

# %% [markdown]
# The orange line has the shape of a day and runs from about 9 to about 18 degrees, below most days of this week: it was a
# warm one. The model is about 2.5 degrees off.
#
# **Think.** Would it help to know yesterday's temperatures? How would a model use them?
#
# <details><summary>Open this when you have an answer.</summary>
#
# Yes: warm days follow warm days. A model could take yesterday's mean and add the typical course of a day to it, what you
# saw in Task 3. What it should take over from yesterday, and how much of it, is what training finds out: exercise 4.
#
# </details>

# %% [markdown] role="written" grade_id="written_restart" points=10
# ## Task 6: from top to bottom (10 points)
#
# ●○○ · about 4 minutes · answer in this cell
#
# Some questions are answered in words, in a cell like this one: open it with a double click, write your answer where it
# says so, and press Shift + Enter. People read and mark it.
#
# A classmate writes `scale = 10` in a cell, uses `scale` in a cell further down, and later deletes the first cell. The
# notebook still works for the rest of the evening. The next day it stops with `NameError: name 'scale' is not defined`.
# In two or three sentences:
#
# 1. Why did it work in the evening, and why not the next day?
# 2. What should be done before a notebook is handed in, so that such a thing is noticed in time?
#
# ### BEGIN SOLUTION
# The kernel remembers what has been run, and deleting a cell does not make it forget: `scale` was still there in its
# memory. The next day a new kernel was started, which had never run that cell.
#
# Before handing in, restart the kernel and run all cells from top to bottom: then the notebook only has what is on the
# page.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# - 5 points: the variable lived in the kernel's memory, and a new kernel does not have it. 2 points for "the cell was
#   deleted" without the kernel.
# - 5 points: restart and run all (from top to bottom). 2 points for "run all" without a restart.
# ### END MARKING GUIDE

# %% [markdown]
# ## What you learned
#
# - The kernel remembers what was run, in the order in which it was run. When in doubt: restart, and run all.
# - An array has a shape. The axis that you name in `mean` or `sum` is the one that goes away.
# - Broadcasting stretches an axis of length 1; `keepdims=True` leaves one.
# - Operations on whole arrays are much faster than loops.
# - `check` says what was called, what was wanted and what came. A model has parameters and `forward`.

# %% [markdown]
# ## Hand in
#
# 1. Choose **Kernel → Restart Kernel and Run All Cells...**, and check that nothing above this cell is red.
# 2. Save this notebook.
# 3. Run the next cell once more. It packs your notebook and your file into a zip, runs the checks on what is inside, and says
#    if something is missing.
# 4. Hand in the zip that it names: upload it where your course wants it. You can hand in as often as you like until the
#    deadline; the last one counts.

# %%
submit("ex01_organization")

# %% [markdown]
# **Next:** in exercise 2 you refresh the mathematics that the rest of the course is built on.
#
# ## Read on
#
# - [NumPy: the absolute basics for beginners](https://numpy.org/doc/stable/user/absolute_beginners.html).
# - [Broadcasting](https://numpy.org/doc/stable/user/basics.broadcasting.html), with all its rules.
# - [The JupyterLab interface](https://jupyterlab.readthedocs.io/en/stable/user/interface.html).
