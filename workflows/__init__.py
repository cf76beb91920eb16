"""Durable workflows and the dispatcher between our outbox and Temporal."""
