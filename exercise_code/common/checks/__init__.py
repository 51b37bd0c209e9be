"""`check`: the visible tests of a cell on the code as it stands, and the report that a student reads."""
