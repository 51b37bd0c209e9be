"""nbgrader's gradebook, filled directly, and what it holds that people wrote."""
