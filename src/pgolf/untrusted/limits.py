"""Every bound that hostile input can meet, in one frozen value that is handed down.

Nothing in `untrusted` loops, allocates or decodes without one of these numbers. A bound that is met raises
`LimitTripped` with the field's name, and the report states it: the file is OBFUSCATED or the answer UNKNOWN, never a
pass. The defaults are far above what real submissions need (the largest of the contest's history: 1 layer of raw
LZMA2, 20 kB packed, 260 kB of source) and far below what hurts a laptop.
"""

from __future__ import annotations

from dataclasses import dataclass

from pgolf.errors import LimitTripped

__all__ = ["DEFAULT_LIMITS", "LimitTripped", "Limits"]

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on untrusted input; the unit ends each name, a bare name counts things.

    Reading and unwrapping
        `source_bytes`: one script, as stored or as unwrapped. `sibling_bytes`: one file beside the script.
        `layer_input_bytes` and `layer_output_bytes`: what goes into and comes out of one decoder.
        `expansion_ratio`: output over input of one decompressor, checked once the output passes `expansion_floor_bytes`
        (a repetitive script of 60 kB may well compress a thousandfold; a bomb of 600 MB may not).
        `layer_streams`: concatenated streams in one payload.
        `layer_depth`: wrappers inside wrappers. `unpacked_bytes`: all decoder output of one script together.
        `constant_steps`, `constant_bytes`: work and value size of the constant evaluator that finds payloads.
        `dictionary_bytes`: window of LZMA, brotli and zstandard decoders (raw LZMA2 has no memory limit of its own).

    Parsing
        `bracket_depth` and `unary_run`: bracket and unary nesting that may reach CPython's recursive parser.
        `ast_nodes`, `ast_depth`: the tree afterwards. `repair_edits`: rewrites of newer syntax in one file.

    Evaluating a builder
        `interpreter_steps`, `evaluation_steps` (what is left once an eval loop has read a table),
        `interpreter_cells` (elements of all containers and arrays made together),
        `interpreter_recursion` (calls inside calls), `int_bits`, `string_chars`.

    Child process
        `worker_wall_seconds` per call, `worker_cpu_seconds` per call, `worker_memory_bytes` of address space,
        `worker_frame_bytes` of one message in either direction, `worker_open_files`, `worker_start_seconds`.
    """

    source_bytes: int = 8 * MIB
    sibling_bytes: int = 64 * MIB
    layer_input_bytes: int = 32 * MIB
    layer_output_bytes: int = 32 * MIB
    expansion_ratio: int = 2_000
    expansion_floor_bytes: int = 1 * MIB
    layer_streams: int = 64
    layer_depth: int = 32
    unpacked_bytes: int = 96 * MIB
    dictionary_bytes: int = 64 * MIB
    constant_steps: int = 1_000_000
    constant_bytes: int = 32 * MIB

    bracket_depth: int = 180
    unary_run: int = 400
    ast_nodes: int = 1_500_000
    ast_depth: int = 900
    repair_edits: int = 20_000

    interpreter_steps: int = 3_000_000
    evaluation_steps: int = 120_000
    interpreter_cells: int = 64_000_000
    interpreter_recursion: int = 120
    int_bits: int = 4_096
    string_chars: int = 4_000_000

    worker_wall_seconds: float = 9.0
    worker_cpu_seconds: int = 9
    worker_memory_bytes: int = 900 * MIB
    worker_frame_bytes: int = 256 * MIB
    worker_open_files: int = 64
    worker_start_seconds: float = 20.0


DEFAULT_LIMITS = Limits()
