"""What the pages of posts look up: a workspace's actions by state and time, and the record of one post."""


def up(migrator, db):
    migrator.migrate(
        migrator.add_index("due_action", ("workspace_id", "state", "due_at")),
        migrator.add_index("audit_entry", ("chain", "subject")),
    )
