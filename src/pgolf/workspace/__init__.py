"""Templates of a workspace and `init`."""
