"""The city over HTTP: one ASGI application of API, tiles and page, and the server that runs it in process."""
