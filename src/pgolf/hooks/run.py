"""What the installed shell hooks start: `python -I -S run.py pre --agent claude`. Finds the package beside itself."""

import sys

if __name__ == "__main__":
    sys.path.insert(0, __file__.rpartition("/pgolf/hooks/")[0])
    from pgolf.hooks.main import main

    raise SystemExit(main(sys.argv[1:]))
