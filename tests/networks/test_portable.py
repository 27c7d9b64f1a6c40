"""A task's network as plain torch layers and as files: the same logits, and nothing read that is no such network."""

import json
import pickle
import struct
from pathlib import Path

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


def images(architecture, count=16):
    x = torch.rand(count, architecture.inputs, generator=torch.Generator().manual_seed(1))
    return x, x.view(count, *portable.image_shape(architecture))


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


@pytest.mark.parametrize("architecture", [DEEP, WIDE])
def test_a_safetensors_file_is_read_as_it_was_written(tmp_path, architecture):
    last, (_, x) = network(architecture), images(architecture)
    path = tmp_path / "task.safetensors"
    path.write_bytes(portable.content(last, 2, path.suffix, ABOUT))
    read = portable.load_module(path)
    assert str(read) == str(portable.to_module(last, 2))
    assert not read.training
    assert torch.equal(read(x), portable.to_module(last, 2)(x))
    told = json.loads(header(path.read_bytes())["__metadata__"]["clnp"])
    assert told["about"] == ABOUT
    assert told["image_shape"] == list(portable.image_shape(architecture))
    by_hand = portable.to_module(last, 1).state_dict()
    assert safetensors.torch.load_file(path).keys() == by_hand.keys()


@pytest.mark.parametrize(("architecture", "head"), [(DEEP, "single"), (WIDE, "multi")])
def test_an_onnx_file_gives_the_same_logits_for_any_batch(tmp_path, architecture, head):
    last = network(architecture, head)
    path = tmp_path / "task.onnx"
    path.write_bytes(portable.content(last, 2, path.suffix, ABOUT))
    model = onnx.load(path)
    assert {each.key: each.value for each in model.metadata_props} == {key: str(value) for key, value in ABOUT.items()}
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for count in (1, 2, 33):
        flat, x = images(architecture, count)
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
    tensors.pop("0.bias")


def other_type(told, tensors):
    tensors["0.weight"] = tensors["0.weight"].half()


def deep_maps(told, tensors):
    told["image_shape"] = [3, 2**14, 2**14]


@pytest.mark.parametrize(
    "change",
    [
        change_layer(0, inputs=2**30, outputs=2**30),
        change_layer(0, inputs=17),
        change_layer(0, inputs="16"),
        change_layer(0, inputs=-1),
        change_layer(0, kind="lambda"),
        change_layer(1, code="print(1)"),
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
    path.write_bytes(rewritten(portable.content(network(WIDE), 1, ".safetensors", ABOUT), change))
    refused(path)


def test_maps_beyond_all_bounds_are_refused_before_they_are_made(tmp_path):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(rewritten(portable.content(network(DEEP), 1, ".safetensors", ABOUT), deep_maps))
    refused(path)


class Unwelcome:
    def __reduce__(self):
        return print, ("it ran",)


@pytest.mark.parametrize("cut", [0, 7, 8, 200, -1])
def test_a_file_that_is_cut_short_is_one_sentence(tmp_path, cut):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(portable.content(network(WIDE), 1, ".safetensors", ABOUT)[:cut])
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
