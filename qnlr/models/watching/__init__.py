"""Callbacks: what is shown and kept of a minimisation, and what ends it early."""
