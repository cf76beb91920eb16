"""What is done with archives: switched on, filled, erased; and rebuilt in another channel."""
