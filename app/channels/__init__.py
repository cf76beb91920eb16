"""A workspace's channels, their rights, members and member counts."""
