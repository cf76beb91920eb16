"""Authored posts: written, scheduled, delivered exactly once, and answered for."""
