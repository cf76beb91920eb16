"""What billing decides and writes."""
