"""Collected posts, readings and the rollups made from them."""
