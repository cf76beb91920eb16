"""Custom emoji: the workspace's palette, the sets it is filled from, and where Telegram keeps them custom."""
