"""What protection decides and writes. Each topic is imported by itself: scanning needs numpy, pages do not."""
