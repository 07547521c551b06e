"""`pgolf explain [NAME]`: the page about a deviation or a check, or the list of all pages."""

from __future__ import annotations

import json

import click

from pgolf.exits import Exit


@click.command()
@click.argument("name", required=False)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    help="text (default), the page as stored, or an object.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def explain(name: str | None, output_format: str, as_json: bool) -> int:
    """Print the page about NAME (a deviation such as leading_space_plus_one, or a check such as val-subset).

    Without NAME: every page with its first sentence.
    """
    from pgolf.report.explanations import all_slugs, find_explanation
    from pgolf.report.explanations import explain as page_of

    output_format = "json" if as_json else output_format
    if name is None:
        pages = [page for slug in all_slugs() if (page := find_explanation(slug))]
        if output_format == "json":
            click.echo(json.dumps([{"name": page.slug, "summary": page.summary} for page in pages], indent=2))
        elif output_format == "markdown":
            click.echo("".join(f"- `{page.slug}`: {page.summary}\n" for page in pages), nl=False)
        else:
            from pgolf.report import terminal_page
            from pgolf.report.terminal import explanations_text

            click.echo(explanations_text(pages, terminal_page()), nl=False, color=True)
        return Exit.OK
    page = page_of(name)
    if output_format == "json":
        click.echo(
            json.dumps({"name": page.slug, "summary": page.summary, "markdown": page.markdown}, indent=2)
        )
    elif output_format == "markdown":
        click.echo(page.markdown, nl=False)
    else:
        from pgolf.report import terminal_page
        from pgolf.report.terminal import explanation_text

        click.echo(explanation_text(page, terminal_page()), nl=False, color=True)
    return Exit.OK
