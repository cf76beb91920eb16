"""The Bot API on loopback with aiogram's types as the contract."""
