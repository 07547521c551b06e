"""Names of packages that a machine of the contest has installed."""

from __future__ import annotations

INSTALLED_PACKAGES = frozenset({
    "torch", "numpy", "sentencepiece", "mlx", "flash_attn", "flash_attn_interface", "triton", "fla", "mamba_ssm", "causal_conv1d",
    "torchao", "apex", "wandb", "tiktoken", "transformers", "tokenizers", "datasets", "huggingface_hub", "tqdm", "jax", "jaxlib",
    "flax", "optax", "scipy", "numba", "cupy", "modal", "einops", "zstandard", "brotli", "safetensors", "pandas", "matplotlib",
    "psutil", "requests", "yaml", "bitsandbytes", "torch_xla", "cut_cross_entropy", "liger_kernel", "torchvision", "sklearn",
    "accelerate", "deepspeed", "kernels", "dotenv", "rich", "pynvml", "constriction", "torchac", "ninja", "xformers", "mlx_lm", "tyro",
    "click", "fire", "typer", "hydra", "omegaconf", "absl", "jsonargparse", "pyarrow", "loguru", "tensorboard", "comet_ml",
})  # fmt: skip
"""Installed packages: unmodelled ones are unknown values, not missing evidence."""
