"""The planner over HTTP: calendar, a channel's rules, recurring posts, posts from a file."""
