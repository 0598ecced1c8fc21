"""A city: a folder of layers, elevations and what is known of where they come from."""
