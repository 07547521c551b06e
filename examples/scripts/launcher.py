import os
import subprocess
import sys

os.environ.setdefault("VOCAB_SIZE", "1024")
subprocess.run([sys.executable, "launched/train_gpt.py"], check=True)
