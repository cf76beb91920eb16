"""What t.me shows to everybody, and the phone page."""
