"""What those who run the service see and do. Owns no tables."""
