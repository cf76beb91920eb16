"""Users, workspaces, memberships, sessions, login ways, API keys."""
