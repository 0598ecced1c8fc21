"""``python -m shancheng``: the same program as ``shancheng``."""

from shancheng.cli.main import main

main()
