"""Policies, plans and what they are made of: pure functions over values."""
