"""Contest profiles (TOML data)."""
