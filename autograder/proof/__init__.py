"""Does an exercise grade as it should: its reference, stubs, known answers and mutants."""
