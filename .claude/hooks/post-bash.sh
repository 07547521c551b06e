#!/bin/sh
# After an agent's Bash call: settles what was held for it, with measured time. Never blocks.
here=$(CDPATH='' cd -- "${0%/*}/../.." 2>/dev/null && pwd -P) || here=.
python=''
package=''
{ [ -f "$python" ] && [ -x "$python" ]; } || python=$here/.venv/bin/python
[ -f "$package/pgolf/hooks/run.py" ] || package=$here/src
{ [ -f "$python" ] && [ -x "$python" ]; } || python=$(command -v python3 || echo /nonexistent)
if [ -f "$python" ] && [ -x "$python" ] && [ -f "$package/pgolf/hooks/run.py" ]; then
  exec "$python" -I -S "$package/pgolf/hooks/run.py" post --agent 'claude'
fi
echo "pgolf: no Python to settle with; what was held still counts in full" >&2
exit 1
