"""Own data from files: read as anybody's, divided into tasks without losing a sample, and kept."""

import io
import struct
import zipfile
import zlib
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from clnp_core.errors import DataError
from clnp_core.tasks.content import check
from clnp_core.tasks.files import column_names, divided, from_file, part_arrays, read
from clnp_core.tasks.files.adding import check_unused, kept, names_of_own, remove, stream_of
from clnp_core.tasks.files.dividing import in_turn
from clnp_core.tasks.files.samples import Column, Samples, samples
from clnp_core.tasks.own import load_own
from tests.tasks.test_own import claiming

DRAW = np.random.default_rng(0)
LABELS = np.arange(40) % 4
IMAGES = DRAW.integers(0, 256, (40, 1, 5, 6), np.uint8)


def png(size=(6, 5), mode="L", colour=0, form="PNG", **options):
    content = io.BytesIO()
    Image.new(mode, size, colour).save(content, form, **options)
    return content.getvalue()


def noise():
    content = io.BytesIO()
    Image.fromarray(DRAW.integers(0, 256, (5, 6), np.uint8)).save(content, "PNG")
    return content.getvalue()


def pictures(classes=("cat", "dog"), each=5, **options):
    return {
        f"{name}/{number}.png": png(colour=40 * number + 50, **options) for name in classes for number in range(each)
    }


def zipped(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def in_folder(path, members):
    for name, content in members.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def npz(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path


def table(**changes):
    features = {"a": DRAW.standard_normal(40).astype(np.float32), "b": DRAW.standard_normal(40).astype(np.float32)}
    return pd.DataFrame({**features, "label": LABELS, "site": ["north", "south"] * 20} | changes)


def csv(path, frame=None, **options):
    (table() if frame is None else frame).to_csv(path, index=False, **options)
    return path


# Every format.


@pytest.mark.parametrize("is_zip", [False, True])
def test_images_by_class_are_read_from_a_folder_and_from_a_zip(tmp_path, is_zip):
    members = {f"pets/{name}": content for name, content in pictures(("dog", "cat")).items()}
    members |= {"pets/LICENSE": b"free", "pets/cat/.DS_Store": b"", "__MACOSX/pets/cat/1.png": b""}
    found = read(zipped(tmp_path / "pets.zip", members) if is_zip else in_folder(tmp_path / "all", members))
    assert (found.x.shape, found.y.values, np.bincount(found.y.places).tolist()) == (
        (10, 1, 5, 6),
        ("cat", "dog"),
        [5, 5],
    )
    grey = [int(image[0, 0, 0]) for image, place in zip(found.x, found.y.places, strict=True) if place == 0]
    assert sorted(grey) == [50, 90, 130, 170, 210]
    assert np.bincount(found.y.places[found.is_test]).tolist() == [1, 1]


def test_folders_to_train_and_to_test_with_are_kept_apart(tmp_path):
    members = {f"train/{name}": each for name, each in pictures(("2", "10")).items()}
    members |= {f"test/{name}": each for name, each in pictures(("2", "10"), 2).items()}
    found = read(in_folder(tmp_path, members))
    assert found.y.values == (2, 10)  # numbers, in their order
    assert np.bincount(found.y.places[found.is_test]).tolist() == [2, 2]


def test_images_are_coloured_if_one_is_and_brought_to_a_size_if_asked(tmp_path):
    members = pictures() | {"cat/9.jpg": png((30, 20), "RGB", (200, 10, 10), "JPEG")}
    folder = in_folder(tmp_path, members)
    with pytest.raises(DataError, match=r"'cat/9.jpg' has 20x30 pixels, 'cat/0.png' 5x6; .* give a size"):
        read(folder)
    found = read(folder, size=(8, 8))
    assert found.x.shape == (11, 3, 8, 8)
    assert np.abs(found.x[5, :, 4, 4].astype(int) - (200, 10, 10)).max() < 9


def test_a_photo_is_turned_as_its_camera_was_held(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    members = {f"{name}/{n}.jpg": png((6, 5), form="JPEG", colour=99, exif=turned) for name in "ab" for n in range(2)}
    assert read(in_folder(tmp_path, members)).x.shape == (4, 1, 6, 5)


def test_arrays_are_read_with_and_without_their_own_test_set(tmp_path):
    whole = read(npz(tmp_path / "a.npz", x=IMAGES, y=LABELS, session=LABELS // 2), by="session")
    assert np.array_equal(whole.x, IMAGES)
    assert (whole.y.values, whole.by.values) == ((0, 1, 2, 3), (0, 1))
    assert column_names(tmp_path / "a.npz") == ["session"]
    names = np.array(["ant", "bee"])
    parts = {
        "x_train": IMAGES[:30],
        "y_train": names[LABELS[:30] % 2],
        "x_test": IMAGES[30:],
        "y_test": names[LABELS[30:] % 2],
    }
    found = read(npz(tmp_path / "b.npz", **parts))
    assert (found.y.values, found.is_test.tolist()) == (("ant", "bee"), [False] * 30 + [True] * 10)


@pytest.mark.parametrize("form", ["comma", "semicolon", "parquet"])
def test_a_table_is_read_and_its_column_to_divide_by_is_no_feature(tmp_path, form):
    frame = table(label=np.array(["None", "NA", "b", "c"])[LABELS])
    if form == "parquet":
        frame.to_parquet(path := tmp_path / "t.parquet")
    else:
        csv(path := tmp_path / "t.csv", frame, sep=";" if form == "semicolon" else ",")
    found = read(path, by="site")
    assert (found.features, found.x.shape) == (("a", "b"), (40, 1, 1, 2))
    assert (found.y.values, found.by.values) == (("NA", "None", "b", "c"), ("north", "south"))
    assert np.allclose(found.x[:, 0, 0], frame[["a", "b"]])


def test_columns_are_brought_to_one_scale_by_the_samples_to_train_on(tmp_path):
    path = csv(tmp_path / "t.csv", table(a=np.arange(40) * 1e6, b=7.0))
    with pytest.raises(DataError, match="not scaled"):
        read(path, by="site")
    found = read(path, by="site", scale=True)
    train = found.x[~found.is_test, 0, 0]
    assert np.allclose(train.mean(0), 0, atol=1e-6)
    assert np.allclose(train.std(0), (1, 0))


def test_files_that_were_uploaded_are_read_by_their_names(tmp_path):
    def uploaded(name, content):
        file = io.BytesIO(content)
        file.name = name
        return file

    assert read([uploaded(*each) for each in pictures().items()]).y.values == ("cat", "dog")
    assert len(read(uploaded("t.csv", csv(tmp_path / "t.csv").read_bytes()), by="site").x) == 40


# Into tasks.


# Of a seed: drawing the labels one by one takes hypothesis most of a second.
LABELLED = st.builds(
    lambda count, classes, seed: np.random.default_rng(seed).integers(0, classes, (2, count)),
    st.integers(4, 80),
    st.integers(2, 7),
    st.integers(0, 2**32),
)


def made(y, by=None):
    columns = [None if each is None else Column(*_factorized(each)) for each in (y, by)]
    return samples("made up", np.arange(len(y) * 6, dtype=np.float32).reshape(-1, 1, 2, 3) / 1e3, *columns)


def _factorized(labels):
    values, places = np.unique(labels, return_inverse=True)
    return tuple(values.tolist()), places


@settings(max_examples=25)
@given(LABELLED, st.sampled_from(["classes:2", "classes:3", "column:site"]))
def test_every_sample_is_in_one_task_once_to_train_or_to_test_with(drawn, tasks):
    y, by = drawn
    try:
        found = made(y, by if tasks == "column:site" else None)
        parts = divided(found, tasks)
    except DataError:
        assume(False)
    rows = np.concatenate([rows for part in parts for rows in (part.train, part.test)])
    assert sorted(rows.tolist()) == list(range(len(y)))
    classes = [{*y[part.train].tolist(), *y[part.test].tolist()} for part in parts]
    if tasks.startswith("classes"):
        assert sum(map(len, classes)) == len({*y.tolist()})
        assert min(map(len, classes)) >= 2
    else:
        assert [{*by[part.train].tolist(), *by[part.test].tolist()} for part in parts] == [{v} for v in sorted({*by})]


@settings(max_examples=25)
@given(LABELLED, st.integers(1, 4))
def test_permuted_tasks_have_all_samples_and_the_values_of_each(drawn, tasks):
    try:
        found = made(drawn[0])
    except DataError:
        assume(False)
    parts = divided(found, f"permuted:{tasks}")
    assert len(parts) == tasks
    for part in parts:
        x_train, y_train, x_test, _ = part_arrays(found, part)
        assert len(x_train) + len(x_test) == len(found.x)
        assert np.array_equal(
            np.sort(x_train.reshape(len(x_train), -1)), found.x[~found.is_test].reshape(len(x_train), -1)
        )
        assert np.array_equal(y_train, found.y.places[~found.is_test])
    assert np.array_equal(part_arrays(found, parts[0])[0], found.x[~found.is_test])


def test_left_over_classes_are_a_task_or_join_the_last():
    ten = made(np.arange(50) % 10)
    assert [len(part.train) // 4 for part in divided(ten, "classes:3")] == [3, 3, 4]
    assert [len(part.train) // 4 for part in divided(ten, "classes:4")] == [4, 4, 2]
    assert [len(part.train) // 4 for part in divided(ten, "classes:10")] == [10]


def test_what_is_looked_at_is_of_every_class_in_turn():
    assert in_turn(np.array([2, 2, 0, 2, 0, 1]), 4).tolist() == [2, 5, 0, 4]
    assert len(in_turn(np.arange(3), 20)) == 3


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ("thirds", "'thirds' is no way to divide samples into tasks; give classes:2, column:NAME or permuted:10"),
        ("classes:", "no way to divide"),
        ("classes:1", "'1' classes a task are not possible; give classes: and a number from 2"),
        ("classes:9", "9 classes a task are more than the 4 of made up"),
        ("permuted:-3", "'-3' tasks are not possible"),
        ("permuted:1001", "a number from 1 to 1,000"),
    ],
)
def test_a_division_that_is_none_is_refused(tasks, said):
    with pytest.raises(DataError, match=said):
        divided(made(LABELS), tasks)


def test_permutations_too_large_for_own_data_are_refused_before_they_are_made():
    x = np.broadcast_to(np.uint8(0), (40, 1, 2**15, 2**13))
    large = Samples("large", x, Column((0, 1), LABELS % 2), None, LABELS == 0)
    with pytest.raises(DataError, match=r"large permuted 10 times takes 100\.0 GiB"):
        divided(large, "permuted:10")


# As runs learn it.


def test_a_file_is_own_data_of_runs(data_directory, tmp_path):
    path = csv(tmp_path / "t.csv", table(label=np.array(["ant", "bee", "cat", "dog"])[LABELS]))
    with pytest.raises(DataError, match=r"'site' is .*, not numbers"):
        from_file("insects", path, "classes:2")
    assert column_names(path) == ["a", "b", "label", "site"]
    stream = from_file("insects", path, "column:site")
    found = read(path, by="site")
    assert stream_of("insects", found, divided(found, "column:site")) == stream
    check(stream)
    north, south = load_own("insects")
    assert (stream["tasks"], stream["labels"]) == (2, [["ant", "cat"], ["bee", "dog"]])
    assert [len(part.x_train) + len(part.x_test) for part in (north, south)] == [20, 20]
    assert names_of_own() == ["insects"]
    found = kept("insects")
    assert (found.tasks, found.train, found.test, found.image_shape) == (2, 32, 8, (1, 1, 2))
    with pytest.raises(DataError, match="There is own data 'insects' already"):
        check_unused("insects")
    remove("insects")
    assert names_of_own() == []
    with pytest.raises(DataError, match="no own data 'insects'; there is none"):
        remove("insects")


# Refused.


def broken_zip(path, **said):
    """A zip whose end says other numbers than are true."""
    content = bytearray(zipped(path, pictures()).read_bytes())
    place = content.rfind(b"PK\x05\x06")
    if "members" in said:
        struct.pack_into("<HH", content, place + 8, said["members"], said["members"])
    if "directory" in said:
        struct.pack_into("<I", content, place + 12, said["directory"])
    path.write_bytes(content)
    return path


def link_in_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("cat/1.png")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return path


def bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(40):
            info = zipfile.ZipInfo(f"cat/{number}.png")
            archive.writestr(info, b"")
        for info in archive.infolist():
            info.file_size = 60 * 2**20
    return path


def huge_png(width, height):
    content = bytearray(png())
    struct.pack_into(">II", content, 16, width, height)
    struct.pack_into(">I", content, 29, zlib.crc32(content[12:29]))
    return bytes(content)


ZIPS = {
    "no zip": (lambda path: path.write_bytes(b"GIF89a"), "damaged, or no zip file"),
    "cut off": (lambda path: path.write_bytes(zipped(path, pictures()).read_bytes()[:-30]), "damaged, or no zip file"),
    "empty": (lambda path: zipped(path, {}), "no images in folders"),
    "traversal": (lambda path: zipped(path, pictures() | {"cat/../../x.png": b""}), "leads out of it"),
    "absolute": (lambda path: zipped(path, pictures() | {"/etc/x.png": b""}), "leads out of it"),
    "link": (link_in_zip, "no regular file but a link"),
    "bomb": (bomb, "would unpack to 2.3 GiB; give a file of at most 2 GiB"),
    "directory": (lambda path: broken_zip(path, directory=2**32 - 2), "at most 1,000,000"),
    "one class": (lambda path: zipped(path, pictures(("cat",))), "has one class only, 'cat'"),
    "one image": (lambda path: zipped(path, pictures() | {"emu/1.png": png()}), "one sample of the class 'emu'"),
    "no class": (lambda path: zipped(path, pictures() | {"1.png": png()}), "'1.png' is in no folder of a class"),
    "no image": (lambda path: zipped(path, pictures() | {"cat/a.txt": b""}), "'cat/a.txt' is no image in .png"),
    "bad image": (
        lambda path: zipped(path, pictures() | {"cat/a.png": b"x"}),
        "'cat/a.png' cannot be read as an image: it is none",
    ),
    "cut image": (
        lambda path: zipped(path, pictures() | {"cat/a.png": noise()[:60]}),
        "'cat/a.png' cannot be read as an image",
    ),
    "pixels": (
        lambda path: zipped(path, pictures() | {"cat/a.png": huge_png(9000, 9000)}),
        "9,000x9,000 pixels; give at most",
    ),
    "more pixels": (
        lambda path: zipped(path, pictures() | {"cat/a.png": huge_png(2**30, 2**30)}),
        "pixels; give at most",
    ),
    "16 bits": (lambda path: zipped(path, pictures() | {"cat/a.png": png(mode="I;16")}), "pixels of the kind I;16"),
    "moving": (
        lambda path: zipped(
            path,
            pictures() | {"cat/a.gif": png(form="GIF", save_all=True, append_images=[Image.new("L", (6, 5), 9)])},
        ),
        "'cat/a.gif' has 2 images in one",
    ),
    "dark": (lambda path: zipped(path, {name: png(colour=3) for name in pictures()}), "no value above 3 of 255"),
    "name": (lambda path: zipped(path, pictures(("cat", "x" * 201))), "it must have at most 200 characters"),
}


@pytest.mark.parametrize("what", ZIPS)
def test_a_zip_that_is_wrong_or_a_trap_is_refused(tmp_path, what):
    make, said = ZIPS[what]
    make(path := tmp_path / "x.zip")
    with pytest.raises(DataError, match=said):
        read(path)


OBJECTS = np.array([{"a": 1}] * 40, dtype=object)
ARRAYS = {
    "pickle": ({"x": IMAGES, "y": OBJECTS}, "y holds Python objects"),
    "names": ({"images": IMAGES, "y": LABELS}, r"no array 'x' but 'images', 'y'; give x and y, or x_train"),
    "counts": ({"x": IMAGES, "y": LABELS[:9]}, "y has 9 values for 40 samples"),
    "whole": ({"x": IMAGES.astype(np.int32), "y": LABELS}, "int32, and which number is white is not known"),
    "text": ({"x": IMAGES.astype(str), "y": LABELS}, "it must be numbers"),
    "axes": ({"x": IMAGES[..., None, None], "y": LABELS}, "it must be numbers, images"),
    "not finite": (
        {"x": np.where(IMAGES > 250, np.nan, IMAGES / 255), "y": LABELS},
        "sample 8 has a value that is infinite or",
    ),
    "labels": ({"x": IMAGES, "y": LABELS / 3}, r"the label 0\.333"),
    "one-hot": ({"x": IMAGES, "y": np.eye(4)[LABELS]}, r"give \.argmax"),
    "one class": ({"x": IMAGES, "y": LABELS * 0}, "one class only, 0"),
    "no samples": ({"x": IMAGES[:0], "y": LABELS[:0]}, "it must have a value for each sample"),
    "parts": ({"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[..., 1:], "y_test": LABELS}, "x_test of uint8"),
    "kinds": (
        {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES, "y_test": LABELS.astype(str)},
        "numbers, the other names",
    ),
}


@pytest.mark.parametrize("what", ARRAYS)
def test_arrays_that_are_wrong_are_refused_and_none_is_unpickled(tmp_path, what):
    arrays, said = ARRAYS[what]
    with pytest.raises(DataError, match=said):
        read(npz(tmp_path / "x.npz", **arrays))


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"x.npy": claiming((2**40, 4)), "y.npy": claiming((2**40,), "<i8")}, "says that it has .* GiB of arrays"),
        ({"x.npy": claiming((40, 4)), "y.npy": claiming((2**40,), "<U0")}, "says that it has .* GiB of arrays"),
        ({"x.npy": claiming((4, 4)), "y.npy": claiming((4,), "<i8")}, "damaged"),
        ({"x.npy": claiming((1,)) + b"12", "y.npy": claiming((1,), "|u1") + b"1"}, "x has more values than it says"),
        ({"x.npy": b"no array", "y.npy": b""}, "damaged"),
        ({"x.npy": b"\x93NUMPY\x01\x00\x0d\x00{'shape': (3,\n", "y.npy": b""}, "damaged"),
    ],
)
def test_arrays_that_lie_about_their_size_are_refused(tmp_path, members, said):
    with pytest.raises(DataError, match=said):
        read(zipped(tmp_path / "x.npz", members))


TABLES = {
    "no label": (table().drop(columns="label"), "no column 'label' of labels; name one of 'a', 'b', 'site'"),
    "words": (table(a="x"), "the column 'a' is .*, not numbers"),
    "missing": (table(b=[1.5] * 39 + [np.nan]), "the column 'b' has no value in row 40"),
    "missing label": (table(label=[*LABELS[:39], np.nan]), "the column 'label' has no value in row 40"),
    "infinite": (table(a=np.inf), "sample 1 has a value that is infinite"),
    "one class": (table(label=1), "one class only, 1"),
    "one row": (table(label=[*LABELS[:39], 9]), "one sample of the class 9 where the column to divide by is 'south'"),
    "halves": (table(label=LABELS / 2), r"the label 0\.5; it must be a whole number or a name"),
    "long": (table(label="x" * 300), "at most 200 characters"),
    "no rows": (table()[:0], "has no rows"),
}


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("what", TABLES)
def test_tables_that_are_wrong_are_refused(tmp_path, form, what):
    frame, said = TABLES[what]
    getattr(frame, f"to_{form}")(path := tmp_path / f"t.{form}", index=False)
    with pytest.raises(DataError, match=said):
        read(path, by="site")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"a,a,label\n1,2,3", "two columns 'a'"),
        (b",a,label\n0,1,2", "column 1 has no name; .* index=False"),
        (b"a,label\n1,2\n1,2,3", "no CSV file whose rows have a value for each column"),
        (b"a,label\n1,2,3\n1,2,3", "no CSV file whose rows have a value for each column"),
        (b"a,label\n1\n2,1", "the column 'label' has no value in row 1"),
        (b"a,label\n\xff,1", "no UTF-8 text"),
        (b"," * 100_001, "100,002 columns; give at most 100,000"),
    ],
)
def test_text_that_is_no_table_is_refused(tmp_path, content, said):
    (path := tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=said):
        read(path)


def test_a_parquet_file_that_is_damaged_is_refused(tmp_path):
    table().to_parquet(path := tmp_path / "t.parquet")
    content = bytearray(path.read_bytes())
    for place in range(4, len(content), 211):
        content[place] ^= 0x55
        path.write_bytes(content)
        with suppress(DataError):
            read(path, by="site")
        content[place] ^= 0x55


def test_a_table_of_more_values_than_fit_is_refused_before_they_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("clnp_core.tasks.files.table._MOST_VALUES", 159)
    table().to_parquet(path := tmp_path / "t.parquet")
    monkeypatch.setattr("pyarrow.parquet.ParquetFile.read", None)
    with pytest.raises(DataError, match="40 rows of 4 columns; give fewer, at most 159 values"):
        read(path, by="site")


@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        ("nowhere.csv", {}, "cannot be read: No such file"),
        ("t.xlsx", {}, r"ends in .xlsx; give a file in .npz, .csv, .parquet or .zip, or a folder of images"),
        ("pets", {"by": "site"}, "Images by class have no column 'site'"),
        ("pets", {"scale": True}, "Images have no columns"),
        ("pets", {"size": (0, 5)}, "size: 0x5 is not possible"),
        ("t.csv", {"size": (5, 5)}, "only these can be brought to a size"),
        ("t.csv", {"by": "label"}, "the column 'label' has the labels; divide by another one"),
        ("t.csv", {"by": "region"}, "no column 'region' of tasks"),
        ("x.npz", {"scale": True}, r"samples of \[1, 5, 6\]; only the columns of a table can be scaled"),
        ("/dev/zero", {}, "is no regular file"),
    ],
)
def test_what_cannot_be_read_so_is_refused(tmp_path, source, options, said):
    in_folder(tmp_path / "pets", pictures())
    csv(tmp_path / "t.csv")
    (tmp_path / "t.xlsx").write_bytes(b"PK")
    npz(tmp_path / "x.npz", x=IMAGES, y=LABELS)
    with pytest.raises(DataError, match=said):
        read(tmp_path / source, **options)
