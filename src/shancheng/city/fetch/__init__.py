"""Downloading open data for a city's extent: what came, from where and under which licence.

Nothing here runs unless the user asks for it, and nothing else in Shancheng reaches the network.
"""
