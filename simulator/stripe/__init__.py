"""Stripe from its own side, on loopback: the API, the page where people pay, and the webhooks that follow."""
