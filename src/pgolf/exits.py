"""The only table of exit codes.

| code | audits                    | lab, gates and hooks                           |
|------|---------------------------|------------------------------------------------|
| 0    | verified                  | done; a gate or hook allows                    |
| 1    | flagged                   | refused, or a check found something to mend    |
| 2    | unusable input            | unusable input; a hook blocks the tool call    |
| 3    | unverified                | (not used)                                     |
"""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    FLAGGED = 1
    REFUSED = 1
    UNUSABLE = 2
    HOOK_BLOCKS = 2
    UNVERIFIED = 3
