"""Rates of exchange: who tells them, what was told, and what holds on a day."""
