"""Telegram on loopback: a separate program that imports nothing of the product."""
