"""Who can look into a channel and say whether a message is there: one port, one adapter per way of looking."""
