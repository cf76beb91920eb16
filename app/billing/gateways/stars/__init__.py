"""Telegram Stars: the only way to pay for digital goods inside Telegram."""
