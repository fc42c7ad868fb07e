"""The SQLite backend: one writer with group commit, readers on snapshots, inline point reads."""
