"""What people and bots do to the world; each action changes state and queues the updates it causes."""
