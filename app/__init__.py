"""The domain and its web face. See ARCHITECTURE.md for the map."""
