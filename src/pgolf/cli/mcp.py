"""`pgolf mcp`: a Model Context Protocol server on standard input and output."""

from __future__ import annotations

import click

from pgolf.errors import UsageError
from pgolf.exits import Exit


@click.command()
@click.option("--list", "list_tools", is_flag=True, help="Print the tools and stop.")
def mcp(list_tools: bool) -> int:
    """Serve pgolf's read-only tools to an agent over the Model Context Protocol (stdio).

    Needs the extra: pip install 'pgolf[mcp]'. Nothing here writes, launches or spends.
    """
    try:
        from pgolf.cli.mcp_tools import TOOLS, make_server
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("mcp"):
            raise
        raise UsageError(
            "the MCP server needs the official SDK, which is not installed: pip install 'pgolf[mcp]'"
        ) from error
    if list_tools:
        for tool in TOOLS:
            click.echo(f"{tool.__name__}: {(tool.__doc__ or '').splitlines()[0]}")
        return Exit.OK
    make_server().run("stdio")
    return Exit.OK
