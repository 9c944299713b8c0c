"""Strategies: what is done about a plateau besides the optimizer."""
