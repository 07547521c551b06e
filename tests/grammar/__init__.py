"""Programs that a grammar of ours writes: what the audit says of them against what CPython makes of them."""
