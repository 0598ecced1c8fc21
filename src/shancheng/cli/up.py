"""``shancheng up``: build what is missing and serve it."""

import time
from pathlib import Path

import click

from shancheng.cli.options import example, home_option
from shancheng.web.settings import WebSettings

__all__ = ["up"]


@click.command(epilog=example("shancheng up chongqing --port 8080"))
@click.argument("name", metavar="[CITY]", default="chongqing")
@home_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8000, show_default=True, type=int, help="Port to listen on; 0 takes a free one."
)
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME[:PORT]",
    help="Another name to answer to, as behind a proxy. May be given several times.",
)
@click.option(
    "--open/--no-open",
    "open_browser",
    default=None,
    help="Open a browser.  [default: on a terminal with a display]",
)
def up(
    *, name: str, home: Path, host: str, port: int, allowed_hosts: tuple[str, ...], open_browser: bool | None
) -> None:
    """Build what is missing of a city, then serve it until Ctrl-C.

    CITY is a city in the home folder, or a built-in one, which is created when it is not there yet.
    """
    began = time.monotonic()
    from shancheng.cli.serving import serve_city  # numba, pyarrow and the web framework: part of the wait

    settings = WebSettings(host=host, port=port, allowed_hosts=allowed_hosts)
    serve_city(name, home, settings, open_browser=open_browser, began=began)
