"""The store's logic as generators that yield SQL; see `base`."""
