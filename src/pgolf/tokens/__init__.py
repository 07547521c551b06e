"""Token streams, shards, windows and tokenizer files."""
