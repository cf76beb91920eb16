"""Protection: who copies a workspace's posts, with evidence."""
