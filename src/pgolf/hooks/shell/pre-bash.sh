#!/bin/sh
# Before an agent's Bash call: asks pgolf's gates. Exit 0 lets the command run, exit 2 blocks it.
# Needs no jq. Without a usable interpreter, whatever could be a GPU launch is refused by its words.
here=$(CDPATH='' cd -- "${0%/*}/../.." 2>/dev/null && pwd -P) || here=.
python='@PYTHON@'
package='@PACKAGE@'
{ [ -f "$python" ] && [ -x "$python" ]; } || python=$here/.venv/bin/python
[ -f "$package/pgolf/hooks/run.py" ] || package=$here/src
{ [ -f "$python" ] && [ -x "$python" ]; } || python=$(command -v python3 || echo /nonexistent)
if [ -f "$python" ] && [ -x "$python" ] && [ -f "$package/pgolf/hooks/run.py" ]; then
  "$python" -I -S "$package/pgolf/hooks/run.py" pre --agent '@AGENT@'
  code=$?
  case $code in
    0 | 2) exit "$code" ;;
    3 | 126 | 127) ;; # a Python older than 3.11, or one that cannot be started: as good as none
    *)
      echo "pgolf: refused: the gate ended with status $code before it answered; try again" >&2
      exit 2
      ;;
  esac
fi
payload=$(tr -d "\\\\\"'" | tr '[:upper:]' '[:lower:]')
case $payload in
  *torch* | *accelerate* | *deepspeed* | *train* | *nproc* | *"modal "* | *"sky "* | *runpod* | *srun* | *sbatch* | \
    *salloc* | *mpirun* | *mpiexec* | *.sh* | *"eval "* | *base64* | *"xxd "* | *u00* | *'$('* | *'$x'* | *'`'* | *'|'* | \
    *python* | *"make "* | *"just "* | *"ssh "* | *"tmux "* | *"screen "* | *"docker "* | *"podman "* | *"source "* | *"exec "* | *'command:./'* | \
    *'bash -c'* | *' sh '* | *xargs* | *"perl "* | *"ruby "* | *"node "*)
    echo "pgolf: refused: no Python to run the gates with, and this could be a GPU launch." >&2
    echo "pgolf: set the interpreter up again with 'pgolf hook install' (or 'make' in a checkout)." >&2
    exit 2
    ;;
esac
exit 0
