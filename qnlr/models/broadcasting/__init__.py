"""Parameter-shift gradients on any V2 primitive, one PUB for all shifts and samples."""
