"""A device other than the processor, pretended: it computes as the processor does, but its tensors mix with no others.

It stands for a GPU where there is none: work that forgets to move a tensor fails here as it would there. Its name is
"meta", as torch lets no other one go without a backend; inside `pretended` tensors on "meta" have values.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from clnp_core import lazy

NAME = "meta"
_COPIES = ("aten::copy_", "aten::_to_copy")
_INDEXED = ("aten::index", "aten::index_put_", "aten::_index_put_impl_")  # by indices that lie anywhere


class There(torch.Tensor):
    """A tensor on the pretended device; `here` has its values."""

    here: torch.Tensor

    @staticmethod
    def __new__(cls, here: torch.Tensor) -> There:
        layout = {"strides": here.stride(), "storage_offset": here.storage_offset()}
        made = torch.Tensor._make_wrapper_subclass(cls, here.shape, dtype=here.dtype, device=NAME, **layout)
        made.here = here
        return made

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(function, args, kwargs or {})

    def tolist(self) -> Any:
        return self.here.tolist()

    def numpy(self, **_: Any) -> Any:
        raise TypeError("can't convert a tensor of another device to numpy; copy it to the processor first")


class _Everywhere(TorchDispatchMode):
    """Also what takes no tensor: tensors that are made on the device, or moved to it."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(function, args, kwargs or {})


class _FromNumbers(TorchFunctionMode):
    """`torch.tensor`, which no dispatch mode sees."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        options = dict(kwargs or {})
        device = options.pop("device", None) if function is torch.tensor else None
        made = function(*args, **options)
        return made if device is None else made.to(device)


_GENERATOR = torch.Generator


class _Generator(torch.Generator):
    def __new__(cls, device: Any = "cpu") -> Any:
        return _GENERATOR()


@contextmanager
def pretended() -> Iterator[torch.device]:
    """Have the device inside the block."""
    with mock.patch.object(lazy.torch, "Generator", _Generator), _FromNumbers(), _Everywhere():
        yield torch.device(NAME)


def _computed(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    name = function._schema.name
    given = [each for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)]
    there = [isinstance(each, There) for each in given]
    # A single number may lie on the processor, as with a real device.
    if (
        any(there)
        and name not in _COPIES + _INDEXED
        and not all(is_there or not each.ndim for each, is_there in zip(given, there, strict=True))
    ):
        shapes = [(tuple(each.shape), each.device.type) for each in given]
        raise RuntimeError(f"Expected all tensors to be on the same device: {name} was given {shapes}")
    target = kwargs.get("device")
    if target is not None:
        is_result_there = torch.device(target).type == NAME
        kwargs = kwargs | ({"device": torch.device("cpu")} if is_result_there else {})
    else:
        is_result_there = there[0] if name in _INDEXED else any(there)
    result = function(*tree_map(_here, args), **tree_map(_here, kwargs))
    # What an operation gives back of its operands, changed in place, stays the same object; a detached one does not.
    known = {} if name == "aten::detach" else {id(_here(each)): each for each in given}

    def placed(each: Any) -> Any:
        if not isinstance(each, torch.Tensor):
            return each
        return known.get(id(each)) if id(each) in known else There(each) if is_result_there else each

    return tree_map(placed, result)


def _here(each: Any) -> Any:
    return each.here if isinstance(each, There) else each
