"""The screens: each fetches through the gateway, decides, and hands values to its widgets."""
