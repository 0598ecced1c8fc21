"""One file a group of routes: each route parses, calls one function, presents."""
