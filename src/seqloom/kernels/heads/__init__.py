"""The registered heads, free of torch: parameter shapes and the outputs in numpy."""

from seqloom.kernels.heads.spec import HeadSpec, head_spec

__all__ = ["HeadSpec", "head_spec"]
