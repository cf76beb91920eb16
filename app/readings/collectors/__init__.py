"""Where readings come from: one port, one adapter per source."""
