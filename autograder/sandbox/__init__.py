"""The sandbox: a warm worker that forks a walled child for each hand-in, and the judge's side of the pipes."""
