"""nbgrader's settings for this course. nbgrader reads this file from the folder it is started in."""

c = get_config()  # noqa: F821  (nbgrader puts it there when it reads this file)

c.CourseDirectory.course_id = "deep_learning"
