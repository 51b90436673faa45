"""A submission: packed, and checked by those who get it."""
