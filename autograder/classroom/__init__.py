"""Who is in the class, what is due when, and what being late costs."""
