"""Training logs: dialects, metrics, fingerprint."""
