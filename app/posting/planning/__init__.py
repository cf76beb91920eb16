"""When posts go out: queue slots, quiet hours, the best free slot, recurring posts, files of posts, the calendar."""
