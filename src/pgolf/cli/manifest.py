"""`pgolf manifest PATH`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pgolf.exits import Exit


@click.command()
@click.argument("path", metavar="PATH")
@click.option(
    "--tokenizer",
    metavar="MODEL",
    type=click.Path(path_type=Path),
    help="The split's SentencePiece model: adds canonical bytes and counts by class.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def manifest(path: str, tokenizer: Path | None, as_json: bool) -> int:
    """Print tokens, bytes and hashes of the split PATH (a shard, a folder of shards, or a glob).

    Two people with the same `tokens_sha256` score the same stream, however it is cut into shards. With --tokenizer also
    the canonical bytes at the contest's windows, and whether they are those of a known split. Exit code 2 for a broken
    shard.
    """
    from pgolf.tokens.manifest import manifest_document, read_manifest
    from pgolf.tokens.sentencepiece_model import read_model_file

    vocabulary = None if tokenizer is None else read_model_file(tokenizer)
    found = read_manifest(path, vocabulary)
    if as_json:
        click.echo(json.dumps(manifest_document(found), indent=2))
        return Exit.OK
    for file in found.files:
        click.echo(f"{file.sha256}  {file.name}  {file.size_bytes:,} bytes, {file.tokens:,} tokens")
    rows: list[tuple[str, str]] = [("tokens", f"{found.tokens:,}"), ("tokens sha256", found.tokens_sha256)]
    if found.largest_id is not None:
        rows.append(("largest id", f"{found.largest_id:,}"))
    scored = found.scored
    if scored is not None:
        per_token = scored.bytes_per_token
        rows += [
            ("tokenizer", f"{scored.vocab_size:,} pieces, sha256 {scored.tokenizer_sha256}"),
            (
                "scored tokens",
                f"{scored.scored_tokens:,} in {scored.num_windows:,} windows ({scored.seq_len}/{scored.stride})",
            ),
            ("canonical bytes", f"{scored.canonical_bytes:,}"),
            ("bytes per token", "nothing is scored" if per_token is None else f"{per_token:.9f}"),
            ("with leading space", f"{scored.leading_space_targets:,}"),
            ("byte fallback", f"{scored.byte_targets:,}"),
            ("boundaries", f"{scored.boundary_targets:,} ({scored.document_starts:,} document starts)"),
            ("known", found.known),
        ]
    for name, value in rows:
        click.echo(f"{name:<20}{value}")
    return Exit.OK
