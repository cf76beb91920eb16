"""Stripe: cards in dollars. Our engine owns the clock; Stripe keeps the card and takes the money when it is told to."""
