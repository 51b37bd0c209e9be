"""The pictures of exercise 10's notebook. Given: nothing to fill in here."""
