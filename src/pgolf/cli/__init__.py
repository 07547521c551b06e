"""Command line: each command parses, calls one function, renders, returns a code."""
