"""Reads on posts: pages of ids, all that a page shows of some posts, what waits, what happened."""
