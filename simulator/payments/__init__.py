"""Payme and Click from their own side, on loopback: the pages where people pay, and the calls that follow."""
