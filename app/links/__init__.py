"""Tracked links of posts and how often they were clicked."""
