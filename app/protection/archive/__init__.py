"""Archives of a workspace's own channels, and their rebuilding in another channel."""
