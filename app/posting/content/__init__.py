"""What owners compose: a neutral tree, the markup they type, and Telegram's rendering of it. Pure functions."""
