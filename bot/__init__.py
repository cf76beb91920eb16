"""The bot process: takes updates in, applies them in order, sends what people are told."""
