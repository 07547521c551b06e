"""The contest's leaderboard: accepted records and pull-request claims, each with its source and time."""
