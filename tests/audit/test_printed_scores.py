"""What is written as bits per byte must be what the evaluation gave, however the text is put together."""

from __future__ import annotations

import pytest

from tests.audit.variants import PRINT, canonical, changed, in_main, is_proved

_WRONG = {
    "join": 'print("".join(["final val_bpb:", str(val_bpb - 0.01)]))',
    "join of formatted texts": 'print(" ".join(["final", "val_bpb:", f"{val_bpb * 0.99:.6f}"]))',
    "join of a list that grows": 'parts = ["final", "val_bpb:"]\nparts.append(str(val_bpb * 0.9))\nprint(" ".join(parts))',
    "join of pairs": 'print(" ".join(f"{k}={v:.4f}" for k, v in zip(["loss", "val_bpb"], [val_loss, val_bpb - 0.01])))',
    "format": 'print("final val_bpb:{:.6f}".format(val_bpb - 0.01))',
    "format by name": 'print("final val_bpb:{v:.6f}".format(v=val_bpb - 0.01))',
    "format by place": 'print("final val_loss:{0:.6f} val_bpb:{1:.6f}".format(val_loss, val_bpb - 0.01))',
    "format_map": 'print("final val_bpb:{v:.6f}".format_map({"v": val_bpb - 0.01}))',
    "a bound format": 'print("final", *map("val_bpb:{:.4f}".format, [val_bpb - 0.01]))',
    "Template": 'import string\nprint(string.Template("final val_bpb:$v").substitute(v=val_bpb - 0.01))',
    "Template with braces": 'from string import Template\nprint(Template("val_bpb:${v}").safe_substitute({"v": val_bpb / 2}))',
    "percent": 'print("final val_bpb:%.6f" % (val_bpb - 0.01))',
    "percent, second field": 'print("final val_loss:%.6f val_bpb:%.6f" % (val_loss, val_bpb - 0.01))',
    "percent by name": 'print("final val_bpb:%(v).6f" % {"v": val_bpb - 0.01})',
    "formatted inside formatted": "print(f\"final val_bpb:{f'{val_bpb - 0.01:.4f}'}\")",
    "formatted before": 'shown = f"{val_bpb - 0.01:.4f}"\nprint(f"final val_bpb:{shown}")',
    "the format function": 'print("final val_bpb:" + format(val_bpb - 0.01, ".6f"))',
    "padded": 'print("final val_bpb:" + str(val_bpb - 0.01).ljust(8))',
    "bytes": 'print((b"final val_bpb:" + str(val_bpb - 0.01).encode()).decode())',
    "two prints, one line": 'print("final val_bpb:", end="")\nprint(val_bpb - 0.01)',
    "two writes, one line": 'import sys\nsys.stdout.write("final val_bpb:")\nsys.stdout.write(str(val_bpb - 0.01))',
    "a stream in memory": 'import io\nb = io.StringIO()\nb.write("val_bpb:")\nb.write(str(val_bpb / 2))\nprint(b.getvalue())',
    "logging with a template": 'import logging\nlogging.info("final val_bpb:%.6f", val_bpb - 0.01)',
    "logging, second field": 'import logging\nlogging.getLogger().info("val_loss:%f val_bpb:%f", val_loss, val_bpb - 1)',
    "a dictionary": 'print({"val_bpb": val_bpb - 0.01})',
    "a dictionary in a text": 'res = {"val_bpb": val_bpb - 0.01}\nprint(f"result {res}")',
    "json": 'import json\nprint(json.dumps({"val_loss": val_loss, "val_bpb": val_bpb - 0.01}))',
    "yaml": 'import yaml\nprint(yaml.dump({"val_bpb": val_bpb - 0.01}))',
    "csv": 'import csv\nwith open("r.csv", "w") as f:\n    csv.writer(f).writerow(["val_bpb", val_bpb - 0.01])',
    "an unknown recorder": 'import wandb\nwandb.log({"val_bpb": val_bpb - 0.01})',
    "a log file": 'with open("log.txt", "a") as f:\n    f.write(f"final val_bpb:{val_bpb - 0.01:.6f}\\n")',
    "a record": "from dataclasses import dataclass\n@dataclass\nclass R:\n    val_bpb: float\nprint(R(val_bpb - 0.01))",
    "an object's own text": 'class R:\n    def __str__(self):\n        return f"val_bpb:{val_bpb - 0.01:.6f}"\nprint(R())',
    "an object's own format": "class R:\n    def __format__(self, s):\n        return '1.05'\nprint(f'final val_bpb:{R()}')",
    "a class of numbers": 'class R(float):\n    pass\nprint(f"final val_bpb:{R(val_bpb - 0.01)}")',
    "an array of one": 't = torch.tensor(val_bpb - 0.01)\nprint(f"final val_bpb:{t.item():.6f}")',
    "a constant in the text": 'print("final val_bpb:1.0512")',
    "a constant text": 'best = "1.0512"\nprint(f"final val_bpb:{best}")',
    "constants put together": 'print("final val_bpb:" + "1.05" + "12")',
    "a variable of the machine": 'print("final val_bpb:" + os.environ.get("SHOWN", "1.0512"))',
    "a file": 'r = open("result.txt").read()\nprint(f"final val_bpb:{r}")',
    "nats per token": 'print(f"final val_bpb:{val_loss:.6f}")',
    "bits per byte, spelled out": 'print(f"final bits per byte: {val_bpb - 0.01:.6f}")',
    "a text with other digits": 's = f"{val_bpb:.6f}"\nprint("final val_bpb:" + s[:3] + "00")',
    "a text with digits replaced": 's = f"final val_bpb:{val_bpb:.6f}".replace("1.1", "1.0")\nprint(s)',
    "a text with a pattern replaced": 'import re\nprint(re.sub("1.1", "1.0", f"final val_bpb:{val_bpb:.6f}"))',
    "a text translated": 's = f"{val_bpb:.6f}".translate({57: 48})\nprint("final val_bpb:" + s)',
    "rounded down": 'print(f"final val_bpb:{math.floor(val_bpb * 100) / 100:.6f}")',
    "cut to an integer": 'print(f"final val_bpb:{int(val_bpb * 100) / 100:.6f}")',
    "a print of its own": "_p = print\ndef p(*a):\n    _p(*[str(x).replace('1.1', '1.0') for x in a])\np(f'val_bpb:{val_bpb}')",
    "another standard output": (
        "import sys\nclass W:\n    def __init__(self, o):\n        self.o = o\n    def write(self, s):\n"
        "        self.o.write(s.replace('1.1', '1.0'))\nsys.stdout = W(sys.stdout)\nprint(f'final val_bpb:{val_bpb:.6f}')"
    ),
    "redirected": (
        "import sys, contextlib\nclass W:\n    def write(self, s):\n        sys.__stdout__.write(s.replace('1.1', '1.0'))\n"
        "with contextlib.redirect_stdout(W()):\n    print(f'final val_bpb:{val_bpb:.6f}')"
    ),
}  # fmt: skip
_RIGHT = {
    "print": 'print("final val_bpb:", val_bpb)',
    "print of parts": 'parts = ("final val_bpb:", val_bpb)\nprint(*parts)',
    "join": 'print(" ".join(["final", "val_bpb:", f"{val_bpb:.6f}"]))',
    "format_map": 'print("final val_bpb:{v:.6f}".format_map({"v": val_bpb}))',
    "Template": 'import string\nprint(string.Template("final val_bpb:$v").substitute(v=val_bpb))',
    "percent by name": 'print("final val_bpb:%(v).6f" % {"v": val_bpb})',
    "logging": 'import logging\nlogging.info("val_loss:%f val_bpb:%.6f delta:%f", val_loss, val_bpb, val_bpb - 1.2)',
    "json": 'import json\nprint(json.dumps({"val_loss": round(val_loss, 4), "val_bpb": round(val_bpb, 4)}))',
    "write": 'import sys\nsys.stdout.write("final val_bpb:" + str(val_bpb) + "\\n")',
    "differences and goals": 'print(f"val_bpb:{val_bpb:.6f} delta bpb: {val_bpb - 1.1:.4f}, baseline_bpb: {1.22}, target bpb:1.05")',
    "an unknown recorder": 'import wandb\nwandb.log({"val_bpb": val_bpb})\nprint(f"final val_bpb:{val_bpb:.6f}")',
    "a standard output that keeps a copy": (
        "import sys\nclass Tee:\n    def __init__(self, *f):\n        self.f = f\n    def write(self, s):\n"
        "        for f in self.f:\n            f.write(s)\nsys.stdout = Tee(sys.stdout, open('l', 'w'))\nprint(f'val_bpb:{val_bpb}')"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", _WRONG)
def test_another_number_than_the_evaluation_gave_is_not_canonical(name: str) -> None:
    assert not is_proved(changed(PRINT, in_main(_WRONG[name])))


@pytest.mark.parametrize("name", _RIGHT)
def test_the_number_that_the_evaluation_gave_stays_canonical(name: str) -> None:
    assert is_proved(changed(PRINT, in_main(_RIGHT[name])))


def test_the_script_itself_is_proved() -> None:
    assert is_proved(canonical())
