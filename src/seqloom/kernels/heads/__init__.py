"""The registered heads, free of torch: parameter shapes, reference distribution and draw."""

from seqloom.kernels.heads.spec import HeadSpec, head_spec

__all__ = ["HeadSpec", "head_spec"]
