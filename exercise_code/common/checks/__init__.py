"""How a check is run and told: reasons, and what a notebook and the grader share about them."""
