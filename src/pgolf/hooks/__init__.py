"""Agent hooks: JSON on stdin, gates, one answer. Imports the standard library and the shell parser only."""
