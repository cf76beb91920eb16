"""The owner's own Telegram account, read only: `base` is the port, `telethon` speaks to Telegram, `mapping` reads it.

Nothing is imported here: web knows `base` and `models`, and Telethon is loaded by the jobs process alone.
"""
