"""What the pages of posts show, made of what the queries read."""
