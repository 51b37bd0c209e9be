"""The pictures of exercise 7's notebooks. Given: nothing to fill in here."""
