"""Is an experiment ready to be submitted? Every check by itself, each failure with its fix; and the record folder.

The audit's row is handed in; nothing here imports the audit.
"""
