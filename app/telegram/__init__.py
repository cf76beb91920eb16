"""Bots, the port to Telegram, the shared token budget, signed Mini App data."""
