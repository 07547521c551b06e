"""pgolf: audit bits-per-byte claims from evidence, and keep small-model experiments disciplined."""

__version__ = "0.1.0"
