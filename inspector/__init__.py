"""The inspector: a terminal app over a memory store, and the command that starts it."""
