"""Widgets that show and announce; they never fetch, never import the engine, and trust no text."""
