"""The pictures of exercise 5's notebooks. Given: nothing to fill in here."""
