"""Two-stage convex-to-nonconvex refinement: a convex start, then an annealed, oscillating blend."""
