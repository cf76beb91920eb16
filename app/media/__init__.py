"""Files that posts carry, and their copies at Telegram by which a bot sends them without an upload."""
