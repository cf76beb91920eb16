"""Ways to pay: one folder and one line of the registry each."""
