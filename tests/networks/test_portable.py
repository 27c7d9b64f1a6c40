"""A task's network as plain torch layers and as files: the same logits, and nothing read that is no such network."""

import json
import pickle
import re
import struct
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from clnp_core.errors import ExportError, SpecError
from clnp_core.networks import portable
from clnp_core.networks.architectures import Architecture, Conv, Dense, Pool
from clnp_core.networks.pixels import Pixels
from clnp_core.networks.sequential import from_sequential
from clnp_core.networks.subnetwork import task_network

from .networks import architectures, convolutional, learned

ABOUT = {"run": "digits-abc123", "preset": "digits", "task": 2, "classes": 3}
PLAIN = {nn.Linear, nn.Conv2d, nn.BatchNorm1d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d, nn.AvgPool2d, nn.Flatten}

DEEP = Architecture(
    "deep",
    (3, 8, 8),
    (
        Conv("conv 1", 12, kernel=3, padding=1, batch_norm=True, pool=Pool("max", 3, 2, 1), dropout=0.3),
        Conv("conv 2", 16, kernel=3, pool=Pool("average", 2, 1)),
        Dense("dense 1", 20, batch_norm=True),
    ),
    3,
)
WIDE = Architecture("wide", (1, 4, 4), (Dense("layer 1", 30), Dense("layer 2", 20)), 3)
PIXELS = Pixels(WIDE.input_shape, "uint8", 255, np.arange(16)[::-1].copy())
DEEP_PIXELS = Pixels(DEEP.input_shape, "float32", 1)
GUIDE = Path(__file__).parents[2] / "docs" / "guide.md"


def images(architecture, count=16):
    x = torch.rand(count, architecture.inputs, generator=torch.Generator().manual_seed(1))
    return x, x.view(count, *portable.image_shape(architecture))


def pixels(architecture, permuted=False):
    order = np.random.default_rng(3).permutation(architecture.inputs) if permuted else None
    return Pixels(architecture.input_shape, "uint8", 16, order)


def raw(architecture, given, count=16):
    """Images as a data set has them, and as the network takes them: flat, and in their shape."""
    x = torch.randint(17, (count, *architecture.input_shape), dtype=torch.uint8)
    order = slice(None) if given.order is None else torch.from_numpy(given.order)
    flat = x.flatten(1)[:, order] / given.white
    return x, flat, flat.view(count, *portable.image_shape(architecture))


def assert_close(one, other, tolerance):
    assert (one - other).abs().max() <= tolerance * max(1, float(other.abs().max()))


def network(architecture, head="multi"):
    return learned(architecture, head, [0.6, 0.5], seed=3)[-1]


@given(
    st.one_of(architectures(), convolutional()),
    st.sampled_from(["single", "multi"]),
    st.lists(st.sampled_from([0.0, 0.3, 0.7, 1.0]), min_size=1, max_size=3),
    st.integers(0, 2**20),
)
@settings(max_examples=30)
def test_plain_layers_answer_as_the_narrow_network(architecture, head, shares, seed):
    last = learned(architecture, head, shares, seed)[-1]
    flat, x = images(architecture)
    for task in range(1, len(shares) + 1):
        module = portable.to_module(last, task)
        assert {type(layer) for layer in module} <= PLAIN
        assert not module.training
        assert_close(module(x), task_network(last, task)(flat), 1e-6)


@pytest.mark.parametrize("architecture", [DEEP, WIDE])
@pytest.mark.parametrize("head", ["single", "multi"])
def test_plain_layers_answer_to_the_bit(architecture, head):
    last = network(architecture, head)
    flat, x = images(architecture)
    for task in (1, 2):
        assert torch.equal(portable.to_module(last, task)(x), task_network(last, task)(flat))


def test_a_module_is_a_network_that_can_be_learned_with_again():
    module = portable.to_module(network(DEEP), 1)
    again = from_sequential(module, DEEP.input_shape)
    assert [layer.kind for layer in again.hidden] == ["conv", "conv", "dense"]
    assert again.outputs == 3


def read_by_the_guide(path, x):
    """By the code that the guide has for it."""
    (code,) = re.findall(r"```python\n(import json\n.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    names = {}
    exec(code, names)  # noqa: S102 - it is our own
    return names["logits"](path, x)


@pytest.mark.parametrize("permuted", [True, False])
@pytest.mark.parametrize("architecture", [DEEP, WIDE])
def test_a_safetensors_file_takes_images_as_their_data_set_has_them(tmp_path, architecture, permuted):
    last, given = network(architecture), pixels(architecture, permuted)
    x, _, prepared = raw(architecture, given)
    path = tmp_path / "task.safetensors"
    path.write_bytes(portable.content(last, 2, path.suffix, given, ABOUT))
    read = portable.load_module(path)
    assert list(map(str, read[1:])) == list(map(str, portable.to_module(last, 2)))
    assert not read.training
    logits = portable.to_module(last, 2)(prepared)
    assert torch.equal(read(x), logits)
    assert torch.equal(read[1:](prepared), logits)
    assert_close(read_by_the_guide(path, x), logits, 1e-6)
    told = json.loads(header(path.read_bytes())["__metadata__"]["clnp"])
    assert told["about"] == ABOUT
    assert told["image_shape"] == list(architecture.input_shape)
    assert safetensors.torch.load_file(path).keys() == read.state_dict().keys()
    with pytest.raises(TypeError, match=r"give torch\.uint8, as the data set has them"):
        read(prepared)


@pytest.mark.parametrize("architecture", [DEEP, WIDE])
def test_a_file_of_an_earlier_version_takes_images_that_are_prepared(tmp_path, architecture):
    last, (_, x) = network(architecture), images(architecture)
    path = tmp_path / "task.safetensors"

    def as_before(told, tensors):
        told["layers"].pop(0)
        told["image_shape"] = list(portable.image_shape(architecture))
        renamed = {name: tensors.pop(name) for name in [*tensors]}
        for name, tensor in renamed.items():
            number, _, own = name.partition(".")
            tensors[f"{int(number) - 1}.{own}"] = tensor

    path.write_bytes(rewritten(portable.content(last, 2, path.suffix, pixels(architecture), ABOUT), as_before))
    assert torch.equal(portable.load_module(path)(x), portable.to_module(last, 2)(x))


@pytest.mark.parametrize(("architecture", "head"), [(DEEP, "single"), (WIDE, "multi")])
def test_an_onnx_file_gives_the_same_logits_for_any_batch(tmp_path, architecture, head):
    last, given = network(architecture, head), pixels(architecture, permuted=head == "single")
    path = tmp_path / "task.onnx"
    path.write_bytes(portable.content(last, 2, path.suffix, given, ABOUT))
    model = onnx.load(path)
    assert {each.key: each.value for each in model.metadata_props} == {key: str(value) for key, value in ABOUT.items()}
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for count in (1, 2, 33):
        x, flat, _ = raw(architecture, given, count)
        (logits,) = session.run(["logits"], {"images": x.numpy()})
        assert_close(torch.from_numpy(logits), task_network(last, 2)(flat), 1e-5)


@pytest.mark.parametrize("name", ["task.pt", "task", "task.onnx.zip"])
def test_another_ending_is_refused(name):
    with pytest.raises(SpecError, match=r"give one that ends in \.onnx or \.safetensors"):
        portable.check_format(Path(name))


def header(content):
    (length,) = struct.unpack_from("<Q", content)
    return json.loads(content[8 : 8 + length])


def rewritten(content, change):
    """A file with what its header says of the network changed; its tensors may be too."""
    told = json.loads(header(content)["__metadata__"]["clnp"])
    tensors = safetensors.torch.load(content)
    change(told, tensors)
    return safetensors.torch.save(tensors, {"clnp": json.dumps(told)})


def change_layer(place, **values):
    def change(told, tensors):
        told["layers"][place] |= values

    return change


def drop_tensor(told, tensors):
    tensors.pop("1.bias")


def other_type(told, tensors):
    tensors["1.weight"] = tensors["1.weight"].half()


def other_order(told, tensors):
    tensors["0.order"][0] = 17


def deep_maps(told, tensors):
    told["image_shape"] = [3, 2**14, 2**14]


@pytest.mark.parametrize(
    "change",
    [
        change_layer(0, white=0),
        change_layer(0, type="int64"),
        change_layer(0, shape=[17]),
        change_layer(0, permuted=False),
        other_order,
        change_layer(1, inputs=2**30, outputs=2**30),
        change_layer(1, inputs=17),
        change_layer(1, inputs="16"),
        change_layer(1, inputs=-1),
        change_layer(1, kind="lambda"),
        change_layer(2, code="print(1)"),
        lambda told, tensors: told["layers"].append(told["layers"][0]),
        change_layer(-1, outputs=4),
        drop_tensor,
        other_type,
        lambda told, tensors: told.update(format=2),
        lambda told, tensors: told.update(layers=[]),
        lambda told, tensors: told.update(layers=told["layers"] * 1000),
        lambda told, tensors: told.update(image_shape=[17]),
        lambda told, tensors: tensors.update({f"{n}.more": torch.zeros(1) for n in range(100)}),
    ],
)
def test_a_file_that_holds_anything_else_is_one_sentence(tmp_path, change):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(rewritten(portable.content(network(WIDE), 1, ".safetensors", PIXELS, ABOUT), change))
    refused(path)


def test_maps_beyond_all_bounds_are_refused_before_they_are_made(tmp_path):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(rewritten(portable.content(network(DEEP), 1, ".safetensors", DEEP_PIXELS, ABOUT), deep_maps))
    refused(path)


class Unwelcome:
    def __reduce__(self):
        return print, ("it ran",)


@pytest.mark.parametrize("cut", [0, 7, 8, 200, -1])
def test_a_file_that_is_cut_short_is_one_sentence(tmp_path, cut):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(portable.content(network(WIDE), 1, ".safetensors", PIXELS, ABOUT)[:cut])
    refused(path)


def test_pickles_and_nothing_are_one_sentence(tmp_path, capsys):
    path = tmp_path / "bad.safetensors"
    refused(path)
    for content in (pickle.dumps(Unwelcome()), safetensors.torch.save({"0.weight": torch.zeros(1)})):
        path.write_bytes(content)
        refused(path)
    assert "it ran" not in capsys.readouterr().out


def refused(path):
    with pytest.raises(ExportError) as error:
        portable.load_module(path)
    said = str(error.value)
    assert said.startswith(f"{path} is not a network that clnp export wrote: ")
    assert "\n" not in said
    assert said.endswith(".")
