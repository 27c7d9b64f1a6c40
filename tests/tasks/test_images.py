"""Images and tables as people have them: axes in either order, and every type of value."""

import numpy as np
import pytest
import torch
from PIL import Image

from clnp_core.errors import DataError
from clnp_core.tasks.own import load_own
from clnp_core.tasks.streams import from_arrays, from_datasets


def stored(asked):
    """x_train of the only task."""
    (task,) = load_own(asked["name"])
    assert asked["image_shape"] == list(task.x_train.shape[1:])
    return task.x_train


def of_arrays(images):
    labels = np.arange(len(images)) % 2
    return stored(from_arrays("mine", [(images, labels, images, labels)]))


def of_items(*images):
    part = [(image, number % 2) for number, image in enumerate(images * (2 // len(images)))]
    return stored(from_datasets("mine", [(part, part)]))


def drawn(shape):
    return np.random.default_rng(0).random(shape, dtype=np.float32)


@pytest.mark.parametrize("given", [torch.rand(2, 3, 3, requires_grad=True), torch.rand(2, 3, 3).bfloat16()])
def test_tensors_of_every_kind_of_float_are_taken(data_directory, given):
    assert np.array_equal(of_arrays(given)[:, 0], given.detach().float().numpy())


FIRST, LAST = (0, 1, 2), (2, 0, 1)  # where channels, height and width are found


@pytest.mark.parametrize(
    ("shape", "of_tensor", "of_array"),
    [
        ((3, 9, 9), FIRST, FIRST),
        ((1, 7, 9), FIRST, FIRST),
        ((9, 9, 3), LAST, LAST),
        ((9, 7, 1), LAST, LAST),
        ((13, 9, 9), FIRST, None),  # as an array it has 9 channels that are 13 by 9
        ((9, 9, 13), None, LAST),
        ((30, 7, 7), FIRST, None),
        ((9, 8, 7), None, LAST),
        ((7, 8, 9), FIRST, None),
        ((6, 6, 9), None, LAST),
        ((9, 9, 9), None, None),
        ((3, 9, 3), None, None),
        ((3, 9, 4), FIRST, None),
        ((1, 1, 4), FIRST, LAST),
    ],
)
def test_the_axis_of_channels_is_known_or_asked_for(data_directory, shape, of_tensor, of_array):
    image = drawn(shape)
    for given, places in ((torch.from_numpy(image), of_tensor), (image, of_array)):
        if places:
            assert np.array_equal(of_items(given)[0], image.transpose(places))
        else:
            with pytest.raises(DataError, match=r"number 0 has the axes .* give from_arrays np\.stack"):
                of_items(given)


@pytest.mark.parametrize("shape", [(3, 9, 9), (9, 8, 7), (9, 9, 9), (13, 9, 9), (3, 9, 3)])
def test_arrays_of_all_images_have_the_channels_second(data_directory, shape):
    images = drawn((4, *shape))
    assert np.array_equal(of_arrays(images), images)


def test_arrays_of_all_images_may_have_few_channels_last_or_none(data_directory):
    colour, grey = drawn((4, 8, 9, 3)), drawn((4, 8, 9))
    assert np.array_equal(of_arrays(colour), colour.transpose(0, 3, 1, 2))
    assert np.array_equal(of_arrays(grey), grey[:, None])
    with pytest.raises(
        DataError, match=r"x_train of task 1 has the axes \[4, 9, 9, 7\], .* x\.transpose\(0, 3, 1, 2\)"
    ):
        of_arrays(drawn((4, 9, 9, 7)))


def test_a_table_has_a_row_a_sample_however_wide(data_directory):
    table = drawn((4, 2000))
    for given in (of_arrays(table), of_items(*torch.from_numpy(table[:2])), of_items(*table[:2])):
        assert np.array_equal(given[:2].reshape(2, -1), table[:2])
        assert given.shape[1:] == (1, 1, 2000)


@pytest.mark.parametrize("size", [(9, 3), (3, 9), (3, 3)])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "CMYK"])
def test_the_axes_of_pictures_are_never_in_doubt(data_directory, mode, size):
    width, height = size
    picture = Image.new(mode, size, "white")
    assert of_items(picture).shape[1:] == (len(picture.getbands()), height, width)


def test_pictures_of_two_colours_are_black_and_white(data_directory):
    picture = Image.new("1", (5, 4))
    picture.putpixel((0, 0), 1)
    assert of_items(picture)[0, 0, 0].tolist() == [255, 0, 0, 0, 0]


def test_a_palette_that_is_not_opaque_is_read_by_its_colours(data_directory):
    picture = Image.new("RGB", (5, 4), (200, 10, 30)).quantize(2).convert("PA")
    assert picture.mode == "PA"
    assert of_items(picture)[0, :, 0, 0].tolist() == [200, 10, 30, 255]


def test_booleans_are_black_and_white(data_directory):
    masks = drawn((4, 1, 5, 5)) > 0.5
    for given in (of_arrays(masks), of_items(*torch.from_numpy(masks[:2]))):
        assert given.dtype == np.uint8
        assert np.array_equal(given[:2] == 255, masks[:2])
        assert set(np.unique(given)) == {0, 255}


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_floats_of_any_width_are_taken(data_directory, dtype):
    images = drawn((4, 1, 5, 5)).astype(dtype)
    assert np.array_equal(of_arrays(images), images.astype(np.float32))


def whole(top, dtype=np.float32, shape=(4, 1, 5, 5)):
    return (np.arange(np.prod(shape)).reshape(shape) % (top + 1)).astype(dtype)


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (whole(1, np.uint8), r"uint8 with no value above 1 of 255, .* give floats, x\.astype\('float32'\)"),
        (whole(16, np.uint8), r"no value above 16 of 255, .* \(x / 16\)\.astype\('float32'\)"),
        (whole(99, np.uint16), r"is uint16, and which number is white is not known; .* \(x / 65535\)"),
        (whole(99, np.int64), r"is int64, and which number is white is not known; .* x\.astype\('uint8'\)"),
        (whole(16), "floats from 0 to 16, which are not scaled; give, for instance, x / 16"),
        (whole(99) * 2.5, "floats from 0 to 247.5, which are not scaled; give, for instance, x / 255"),
        (whole(99) - 1e38, "which are not scaled"),
        (whole(99).astype(float) - 1e300, "which are not scaled"),
        (whole(255, shape=(4, 784)), "floats from 0 to 255, which are not scaled; give, for instance, x / 255"),
        (whole(255, shape=(4, 784)) * 1e3, r"not scaled; give, for instance, \(x - x\.mean\(0\)\) / x\.std\(0\)"),
    ],
)
def test_values_of_an_unknown_scale_are_refused_with_what_to_give(data_directory, images, said):
    with pytest.raises(DataError, match=f"x_train of task 1 .*{said}"):
        of_arrays(images)


@pytest.mark.parametrize(
    "images",
    [
        whole(99) - 50.0,  # less a mean
        whole(9),
        whole(40, np.uint8),
        np.zeros((4, 1, 5, 5), np.uint8),
        np.zeros((4, 1, 5, 5)),
        whole(1680, shape=(4, 500)),  # columns with units
    ],
)
def test_values_of_a_known_scale_are_used_as_they_are(data_directory, images):
    assert np.array_equal(of_arrays(images).reshape(images.shape), images.astype(np.float32))


@pytest.mark.parametrize("mode", ["I", "I;16"])
def test_pictures_of_many_greys_are_refused_with_what_to_give(data_directory, mode):
    with pytest.raises(DataError, match=r"number 0 is u?int\d+, .* \(np\.asarray\(image\) / 65535\)\.astype"):
        of_items(Image.new(mode, (5, 4), 300))
