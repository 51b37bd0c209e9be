"""How a test asks a student's code and what it makes of the answer: here and through the sandbox."""
