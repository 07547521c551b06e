"""A stand-in for a training run: within a second it prints a log in the contest's format. No GPU, no data, no cost.

The score depends on SEED alone (1.0550 bpb and a little more), so whoever repeats the practice gets the same numbers.
`SLOW_SECONDS=n` makes it take that long.
"""

import math
import os
import time

BYTES_PER_TOKEN = 3.726637944  # canonical, SP8192
seed = int(os.environ["SEED"])
bpb = 1.0550 + (seed % 97) * 1e-5
loss = bpb * BYTES_PER_TOKEN * math.log(2)

print(f"""Hyperparameters:
  seed: {seed}
  vocab_size: 8192
  max_wallclock_seconds: {float(os.environ.get("MAX_WALLCLOCK_SECONDS", "600"))}
Running PyTorch 2.9.1+cu128
| 0  NVIDIA H100 80GB HBM3          On  |   00000000:0F:00.0 Off |""")
time.sleep(float(os.environ.get("SLOW_SECONDS", "0")))
print(f"""4000/20000 val_loss: {loss + 0.12:.4f} val_bpb: {(loss + 0.12) / BYTES_PER_TOKEN / math.log(2):.4f}
stopping_early: wallclock_cap train_time: 588119ms step: 4557/20000
Serialized model: 135431033 bytes
Code size: 16594 bytes
Serialized model quantized+brotli: 15976325 bytes
Total submission size quantized+brotli: 15992919 bytes
quantized_sliding_window val_loss:{loss:.8f} val_bpb:{bpb:.8f} eval_time:121183ms""")
