"""Payme (Paycom): the Merchant API that Payme calls, and the link to its checkout."""
