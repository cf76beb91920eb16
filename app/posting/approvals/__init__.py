"""Who says yes to a post before it goes out: those who may publish, and clients by a link."""
