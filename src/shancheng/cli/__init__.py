"""The command line. Nothing here does work of its own: it parses, calls the layers below, and prints."""
