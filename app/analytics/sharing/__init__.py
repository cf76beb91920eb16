"""Read-only links to one page of numbers, for people without an account."""
