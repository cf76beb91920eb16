"""Click: the SHOP API that Click calls, and the link to its page."""
