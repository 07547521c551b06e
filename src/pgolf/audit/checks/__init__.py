"""One file per check, and one ordered registry of them."""
