"""Registered experiments, honest statistics, money that cannot be lost."""
