"""Telegram Desktop's exports handed in by the browser: taken by web, read by jobs, private to the workspace."""
