"""The pictures and tables of exercise 2's notebook. Given: nothing to fill in here."""
