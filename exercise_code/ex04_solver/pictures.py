"""The pictures of exercise 4's notebooks. Given: nothing to fill in here."""
