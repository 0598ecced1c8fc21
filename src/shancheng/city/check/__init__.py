"""The quality of a city: what overlaps, floats, sinks, lies in water, is missing or cannot be."""
