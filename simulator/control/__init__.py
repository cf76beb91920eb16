"""The control API: a script moves people, time and faults."""
