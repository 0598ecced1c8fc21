"""3D Tiles 1.1 from a city's layers. `make.py` makes them all; nothing compiles before it is asked to."""
