"""What a store can do, by subject; `engine.store` puts them together."""
