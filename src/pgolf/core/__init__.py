"""Nouns and arithmetic shared by everything; imports nothing of pgolf but `errors`."""
