"""What the installed shell hooks start: `python -I -S run.py pre --agent claude`. Finds the package beside itself."""

import sys

if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - the hook may be started by any python3
        # The shell hook then decides by the words; nothing has been read from stdin yet.
        raise SystemExit(3)
    sys.path.insert(0, __file__.rpartition("/pgolf/hooks/")[0])
    from pgolf.hooks.main import main

    raise SystemExit(main(sys.argv[1:]))
