"""Where posts of others are looked at."""
