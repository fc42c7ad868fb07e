"""Backends run procedures; `base` says what one must do."""
