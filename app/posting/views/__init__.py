"""Posts over HTTP: lists, one post, the composer and its form."""
