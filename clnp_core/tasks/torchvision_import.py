"""Imports torchvision, here and nowhere else."""

from importlib import import_module
from types import ModuleType

import torch

_DATASETS = "torchvision.datasets"
_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_kept_alive: list[torch.library.Library] = []  # a schema lives as long as the library object that defined it


def torchvision_datasets() -> ModuleType:
    """Import `torchvision.datasets`, also beside a CPU build of torch.

    The published wheel of torchvision is built for CUDA. Beside a CPU torch its compiled operators do not load, and
    its import fails because two operator schemas are missing, which data sets never use. This defines them first.
    """
    try:
        return import_module(_DATASETS)
    except RuntimeError:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name, schema in _SCHEMAS.items():
            if not hasattr(torch.ops.torchvision, name):
                library.define(schema)
        _kept_alive.append(library)
        return import_module(_DATASETS)
