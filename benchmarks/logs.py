"""Reading logs: throughput against a bare line count of the same bytes, and the worst hostile megabyte.

The sample is written here: 40 runs in the reference dialect, each with a source listing, 400 training lines, a progress
part and final lines, about the mixture of the contest's logs. F is the time to lower-case and split the same bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pgolf.runlog import parse_log
from pgolf.runlog.fingerprint import fingerprint

MEGABYTE = 1_000_000


def sample_log(seed: int) -> bytes:
    """One run of about 90 KB."""
    listing = "import os\nimport sys\n" + "".join(
        f"def step_{i}(x):\n    for y in x:\n        x = x + {i}  # keep the running value of every part\n    return x\n\n"
        for i in range(300)
    )
    settings = "".join(f"  option_{i}: {i / 7:.5f}\n" for i in range(70))
    steps = "".join(
        f"step:{i * 10}/20000 train_loss:{3 - i / 400:.4f} train_time:{i * 450}ms step_avg:45.02ms\n"
        for i in range(1, 700)
    )
    checks = "".join(
        f"step:{i * 1000}/20000 val_loss:{2.9 - i / 20:.4f} val_bpb:{1.2 - i / 50:.4f} train_time:{i * 450}ms\n"
        for i in range(14)
    )
    chunks = "".join(f"  ttt_chunk [{i}/1238] bpb={1.1 + i / 1e5:.6f} time={i / 3:.1f}s\n" for i in range(40))
    final = (
        "Serialized model int6+zstd: 15826931 bytes\nCode size: 66055 bytes\nTotal submission size int6+zstd: 15892986 bytes\n"
        "final_int6_roundtrip_exact val_loss:1.94662702 val_bpb:1.15290217\n"
        "legal_ttt_exact val_loss:1.90915845 val_bpb:1.13071416\n"
    )
    head = "val_loader:shards pattern=fineweb_val_*.bin tokens:62021632\nworld_size:8 grad_accum_steps:1\n"
    rule = "=" * 100 + "\n"
    text = f"{listing}\n{rule}Hyperparameters:\n{settings}{head}seed:{seed}\n{steps}{checks}{chunks}{final}"
    return text.encode()


def hostile_logs() -> dict[str, bytes]:
    """Megabytes made to be slow."""
    pair = b"val_loss:2.0 val_bpb:1.0"
    return {
        "one line of colons": b":" * MEGABYTE,
        "one line of pairs": (pair + b" ") * (MEGABYTE // 25),
        "lines of pairs": (pair + b"\n") * (MEGABYTE // 25),
        "lines of many pairs": ((pair + b" ") * 150 + b"\n") * (MEGABYTE // 3751),
        "one line of names": b"bpb" * (MEGABYTE // 3),
        "open brackets": b"bpb(" * (MEGABYTE // 4),
        "carriage returns": b"bpb:1.0\r" * (MEGABYTE // 8),
        "table headers": b"a,b,bpb\n1,2,3\n" * (MEGABYTE // 14),
        "escapes": b"\x1b]aaaa" * (MEGABYTE // 6),
        "imports": b"import a\n" * (MEGABYTE // 9),
        "zeros": bytes(MEGABYTE),
        "ever other labels": b"".join(
            b"final_%s val_loss:2.0%d val_bpb:1.0\n" % (_word(i), i) for i in range(MEGABYTE // 40)
        ),
        "ever other names": b"".join(
            b" ".join(b"%s%d_loss:1.0 %s%d_bpb:1" % (_word(i), j, _word(i), j) for j in range(32)) + b"\n"
            for i in range(MEGABYTE // 900)
        ),
        "names without losses": b"".join(b"bpb:1 " * 64 + _word(i) + b"\n" for i in range(MEGABYTE // 390)),
        "size words": (b"total_submission_size artifact bytes " * 27 + b"\n") * (MEGABYTE // 1_000),
        "many small tables": (b"step,loss,bpb\n" + b"1,2.0,3.0\n" * 40) * (MEGABYTE // 414),
        "second passes": b"".join(
            b"%s rescore val_bpb:1.%06d\n" % (_word(i), i * 7) for i in range(MEGABYTE // 33)
        ),
        "losses first": b"".join(
            b"".join(b"%s_loss:1 " % _word(32 * i + j) for j in range(32))
            + b"".join(b"%s_bpb:1 " % _word(32 * i + j) for j in range(31, -1, -1))
            + b"\n"
            for i in range(MEGABYTE // 865)
        ),
        "settings": b"".join(_word(i) + b"=1\n" for i in range(MEGABYTE // 9)),
    }


def _word(number: int) -> bytes:
    """Letters that differ for every number: digits alone would share a shape."""
    return bytes(97 + number // 26**place % 26 for place in range(6))


def main() -> None:
    """Print throughput and ratios."""
    logs = [sample_log(seed) for seed in range(40)]
    size = sum(map(len, logs)) / MEGABYTE
    bare = _best(lambda: [log.lower().split(b"\n") for log in logs])
    parsed = _best(lambda: [parse_log(log) for log in logs])
    metrics = [parse_log(log) for log in logs]
    if not all(
        m.score and m.score.reading.label == "legal_ttt_exact" and m.run.seed is not None for m in metrics
    ):
        raise SystemExit("the sample logs were not read right")
    prints = _best(lambda: [fingerprint(m) for m in metrics])
    print(f"parse_log      {size / parsed:7.1f} MB/s   {parsed / bare:5.1f} F   ({size:.1f} MB)")  # noqa: T201
    print(f"fingerprint    {len(logs) / prints:7.0f} logs/s")  # noqa: T201
    slowest = max(
        (_best(lambda data=data: parse_log(data), 1), name) for name, data in hostile_logs().items()
    )
    print(f"hostile MB     {slowest[0]:7.2f} s at worst ({slowest[1]})   {slowest[0] / bare * size:5.1f} F")  # noqa: T201


def _best(work: Callable[[], object], rounds: int = 5) -> float:
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


if __name__ == "__main__":
    main()
