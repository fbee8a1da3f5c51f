"""The registered cores, free of torch: parameter shapes, reference layers and native layouts."""

from seqloom.kernels.cores.spec import CoreSpec, NativeCore, PackedLayer, ReferenceLayer, Shapes, Weights, core_spec
from seqloom.kernels.cores.token_input import TokenInput

__all__ = [
    "CoreSpec",
    "NativeCore",
    "PackedLayer",
    "ReferenceLayer",
    "Shapes",
    "TokenInput",
    "Weights",
    "core_spec",
]
