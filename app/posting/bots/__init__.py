"""Bots that workspaces bring: handed in, proven, given to channels, revoked."""
