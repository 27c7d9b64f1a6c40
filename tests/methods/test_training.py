"""Training side by side, on frozen neurons, and shrinking: the same results, sooner."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from clnp_core.arithmetic import ALIGNMENT, computing
from clnp_core.errors import DataError
from clnp_core.methods import clnp, sparsify
from clnp_core.methods.graceful import highest_within
from clnp_core.methods.method import Pruning
from clnp_core.methods.training import Checkpoint, Gradual, Hooks, Hyperparameters, accuracy, train
from clnp_core.methods.training.shrinking import fires
from clnp_core.networks.architectures import ARCHITECTURES, Architecture, Dense
from clnp_core.networks.fingerprint import check, take
from clnp_core.networks.network import initial
from clnp_core.networks.sources import Sources
from clnp_core.networks.subnetwork import commit
from clnp_core.tasks import datasets
from clnp_core.tasks.streams import PermutedStream, Split, Task
from tests.networks.networks import architectures, block_after, convolutional, learn

SETTINGS = Hyperparameters((1e-5, 1e-3, 3e-4), 2e-2, cooldown=0.5, batch_size=64, epochs=6, patience=6)
FAST = Gradual(first_epoch=1, largest_share=0.3, tolerance=0.1, theta_mode="shared")
PRUNINGS = [None, FAST, replace(FAST, theta_mode="per-layer")]


def network_of(*widths):
    layers = tuple(Dense(f"layer {number}", width) for number, width in enumerate(widths, start=1))
    return Architecture("given", (1, 8, 8), layers, 10)


@pytest.fixture(scope="module")
def stream():
    return PermutedStream(datasets.load("digits"), tasks=2, validation=150, seed=0, identity_first=False)


def short(task, samples):
    """The task with fewer training images."""
    return replace(task, train=Split(task.train.x[:samples], task.train.y[:samples]))


def assert_equal(one, two):
    network, other = one.network, two.network
    assert one.accuracy == two.accuracy
    for tensors in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(*tensors)
    for neurons in zip(network.free, other.free, strict=True):
        assert np.array_equal(*neurons)


@given(
    widths=st.lists(st.integers(1, 150), min_size=1, max_size=3),
    head=st.sampled_from(["single", "multi"]),
    samples=st.integers(40, 240),
    batch_size=st.integers(16, 70),
    rates=st.lists(st.sampled_from([5e-3, 2e-2, 5e-2]), min_size=2, max_size=4),
    learned=st.integers(0, 1),
    cache_mb=st.sampled_from([0, 512]),
    gradual=st.sampled_from(PRUNINGS),
)
@example(widths=[1], head="multi", samples=232, batch_size=21, rates=[5e-3, 5e-3], learned=1, cache_mb=0, gradual=None)
@example(
    widths=[90, 70], head="single", samples=90, batch_size=30, rates=[2e-2] * 4, learned=1, cache_mb=0, gradual=FAST
)
@example(
    widths=[64, 64], head="single", samples=90, batch_size=30, rates=[2e-2] * 3, learned=0, cache_mb=0, gradual=FAST
)
@settings(max_examples=20, deadline=None)
def test_a_replica_trained_beside_others_comes_out_as_by_itself(
    stream, widths, head, samples, batch_size, rates, learned, cache_mb, gradual
):
    network = initial(network_of(*widths), head)
    if learned:
        network, _, _ = learn(network, 3, 0.3)
    grid = [
        replace(
            SETTINGS,
            l1=(1e-4 * 5**place,) * (len(widths) + 1),
            learning_rate=rate,
            batch_size=batch_size,
            epochs=2 + place % 2,
            cache_mb=cache_mb,
            gradual=replace(gradual, tolerance=0.1 * place) if gradual and place else None,
        )
        for place, rate in enumerate(rates)
    ]
    tasks = [short(stream.task(number), samples) for number in (1, 2)]
    jobs = [job for place, task in enumerate(tasks) for job in clnp.candidate_jobs(network, task, grid, seed=place)]
    with computing(1):
        for one, job in zip(train(jobs), jobs, strict=True):
            assert_equal(one, train([job])[0])


class Products(TorchDispatchMode):
    """Watches the products of replicas, forwards and backwards: where each one's slice of a tensor begins."""

    KINDS = ("bmm", "baddbmm", "mm", "addmm", "mv", "addmv", "dot", "linear", "matmul")

    def __init__(self):
        super().__init__()
        self.count, self.astray = 0, []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        name = function.overloadpacket.__name__
        if name in self.KINDS:
            self.count += 1
            for tensor in filter(Tensor.numel, (*args, result)):
                # The third dimension from the end tells replicas apart; a bias is added, not multiplied.
                whole = tensor.ndim < 3 or tensor.stride(0) * tensor.element_size() % ALIGNMENT == 0 or len(tensor) == 1
                if tensor.data_ptr() % ALIGNMENT or not whole:
                    self.astray.append(f"{name} {tuple(tensor.shape)} with strides {tensor.stride()}")
        return result


@given(
    widths=st.lists(st.integers(1, 70), min_size=1, max_size=3),
    head=st.sampled_from(["single", "multi"]),
    samples=st.integers(20, 90),
    batch_size=st.integers(1, 40),
    learned=st.integers(0, 1),
    cache_mb=st.sampled_from([0, 512]),
)
@example(widths=[3], head="single", samples=24, batch_size=17, learned=0, cache_mb=512)
@example(widths=[5, 33], head="multi", samples=35, batch_size=17, learned=1, cache_mb=0)
@settings(max_examples=25, deadline=None)
def test_each_replica_of_a_product_begins_where_it_would_alone(
    stream, widths, head, samples, batch_size, learned, cache_mb
):
    """What makes a replica's bits its own on any processor, checked where it can be seen on every one: in memory."""
    network = initial(network_of(*widths), head)
    if learned:
        network, _, _ = learn(network, 3, 0.3)
    grid = [
        replace(SETTINGS, l1=(1e-4,) * (len(widths) + 1), learning_rate=rate, epochs=1, batch_size=batch_size)
        for rate in (1e-2, 2e-2, 3e-2)
    ]
    grid = [replace(point, cache_mb=cache_mb) for point in grid]
    jobs = clnp.candidate_jobs(network, short(stream.task(1), samples), grid, seed=0)
    with computing(1), Products() as products:
        train(jobs)
    assert products.count > 0
    assert products.astray == []


class Kept(Checkpoint):
    """Keeps the state after one epoch in memory."""

    def __init__(self, epoch, state=None):
        self.epoch, self.state = epoch, state

    def load(self):
        return self.state

    def is_due(self, epoch):
        return epoch == self.epoch

    def save(self, epoch, state):
        self.state = {name: tensor.clone() for name, tensor in state.items()}


@pytest.mark.parametrize("gradual", PRUNINGS)
def test_replicas_that_resume_from_different_epochs_catch_up(stream, gradual):
    """As after a worker died while it was saving: some are further than others."""
    task, network = short(stream.task(1), 300), initial(network_of(150, 100), "single")
    grid = [replace(SETTINGS, learning_rate=rate, gradual=gradual) for rate in (1e-2, 2e-2, 3e-2)]
    kept = [Kept(epoch) for epoch in (2, 4, 3)]
    with computing(1):
        whole = train(clnp.candidate_jobs(network, task, grid, 0, [Hooks(checkpoint=one) for one in kept]))
        resumed = train(clnp.candidate_jobs(network, task, grid, 0, [Hooks(checkpoint=one) for one in kept]))
    for one, other in zip(whole, resumed, strict=True):
        assert_equal(one, other)


@pytest.mark.parametrize("patience", [None, 2, 20])
def test_patience_decides_when_a_training_ends_and_which_epoch_it_leaves(stream, patience):
    task, network, kept = short(stream.task(1), 300), initial(network_of(60, 60), "single"), Kept(5)
    noisy = replace(SETTINGS, learning_rate=8e-2, cooldown=0.0, epochs=20, patience=patience)
    epochs = []
    with computing(1):
        hooks = Hooks(on_epoch=lambda epoch: epochs.append(epoch.validation_accuracy), checkpoint=kept)
        whole = train(clnp.candidate_jobs(network, task, [noisy], 0, [hooks]))
        (resumed,) = train(clnp.candidate_jobs(network, task, [noisy], 0, [Hooks(checkpoint=kept)]))
    assert epochs[-1] < max(epochs)
    assert len(epochs) == (epochs.index(max(epochs)) + 3 if patience == 2 else 20)
    assert whole[0].accuracy == (epochs[-1] if patience is None else max(epochs))
    assert accuracy(whole[0].network, task.validation) == whole[0].accuracy
    assert_equal(whole[0], resumed)


def trained(stream, head="single", learned=0.0, **changes):
    """A block that has been trained a while and the task it was trained on; nothing has left it."""
    task = stream.task(1)
    network = initial(network_of(60, 60), head)
    if learned:
        network, _, _ = learn(network, 1, learned)
    grid = [replace(SETTINGS, **changes)]
    with computing(1):
        (left,) = train(clnp.candidate_jobs(network, task, grid, seed=0))
    return left.network, task


@pytest.mark.parametrize("head", ["single", "multi"])
def test_what_leaves_exactly_changes_no_output_and_no_gradient(stream, head):
    block, task = trained(stream, head, learned=0.3, learning_rate=5e-2)
    everyone = [np.ones(len(free), bool) for free in block.free]
    alive = fires(block, Sources(block, task.train.x, 0), everyone)
    assert all(0 < layer.sum() < len(layer) for layer in alive)
    mean = sparsify.activities(block, task.train).free
    assert all(np.array_equal(layer, activity > 0) for layer, activity in zip(alive, mean, strict=True))

    # In double precision, where leaving zeros out of a sum does not hide in its rounding.
    double = replace(
        block.each(torch.Tensor.double),
        frozen_layers=tuple(layer.each(torch.Tensor.double) for layer in block.frozen_layers),
    )
    outputs, gradients = [], []
    for network in (double, double.keep(alive)):
        tensors = [tensor.clone().requires_grad_() for tensor in network.parameters()]
        outputs.append(network.with_parameters(tensors)(task.train.x.double()))
        loss = F.cross_entropy(outputs[-1], task.train.y)
        gradients.append(network.with_parameters(torch.autograd.grad(loss, tensors)))
    torch.testing.assert_close(*outputs, rtol=1e-12, atol=1e-12)
    for one, other in zip(gradients[0].keep(alive).parameters(), gradients[1].parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-14)


def test_only_neurons_asked_about_are_looked_at(stream):
    block, task = trained(stream, learning_rate=5e-2)
    sources = Sources(block, task.train.x, 0)
    everyone = fires(block, sources, [np.ones(60, bool), np.ones(60, bool)])
    asked = [np.arange(60) < 20, np.zeros(60, bool)]
    some = fires(block, sources, asked)
    assert np.array_equal(some[0], everyone[0] & asked[0])
    assert not some[1].any()


def test_training_shrinks_and_progressively_it_shrinks_more(stream):
    task, network = stream.task(1), initial(network_of(400, 400), "single")
    grid = [replace(SETTINGS, epochs=20, patience=20, shrink=mode) for mode in ("exact", "progressive")]
    with computing(1):
        left = train(clnp.candidate_jobs(network, task, grid, seed=0))
        exact, progressive = (each.network for each in left)
        dead = [(activity == 0).sum() for activity in sparsify.activities(exact, task.train).free]
    assert all(len(free) < 300 for free in exact.free)
    assert all(count < 70 for count in dead)  # no more than the step of its width leaves
    assert sum(map(len, progressive.free)) <= sum(map(len, exact.free))
    assert min(each.accuracy for each in left) > 0.93


def test_a_shrunk_candidate_is_committed_to_the_full_width(stream):
    task, network = stream.task(1), initial(network_of(400, 400), "single")
    with computing(1):
        (candidate,) = clnp.fit_candidates(clnp.candidate_jobs(network, task, [SETTINGS], seed=0))
    choice = clnp.choose_candidate([candidate], network, task.validation, Pruning(0.0))
    committed, learned = clnp.prune_and_commit(network, candidate, choice)
    assert all(len(free) < 400 for free in candidate.network.free)
    assert [(owner == 1).sum() for owner in committed.owners] == list(learned.claimed)
    reached = accuracy(lambda x: committed.logits(1, x), task.validation)
    assert reached == pytest.approx(learned.validation_accuracy, abs=1 / 150)


@given(
    st.one_of(architectures(), convolutional()),
    st.sampled_from(["single", "multi"]),
    st.lists(st.floats(0, 0.8), min_size=0, max_size=2),
    st.integers(0, 2**20),
)
@settings(max_examples=40, deadline=None)
def test_a_scan_gives_what_each_pruned_network_gives(architecture, head, shares, seed):
    block = block_after(architecture, head, shares, seed)
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(150, architecture.inputs, generator=generator)
    split = Split(x, torch.randint(len(block.head_weight), (150,), generator=generator))
    measured = sparsify.activities(block, split)
    floor = accuracy(block, split) - 0.1
    points = sparsify.scan(block, measured, split)
    shared, room = highest_within(points, floor), [len(layer) for layer in block.free]
    best = sparsify.sparsest_within(block, measured, split, floor, shared, room)
    if shared.accuracy >= floor:
        assert best.accuracy >= floor
    for point in (*points, best):
        pruned = block.keep(sparsify.above(measured.free, point.theta))
        assert point.claimed == tuple(map(len, pruned.free))
        assert point.accuracy == pytest.approx(accuracy(pruned, split), abs=1.5 / 150)


@given(
    st.one_of(architectures(), convolutional()),
    st.sampled_from(["single", "multi"]),
    st.lists(st.floats(0.1, 1), min_size=1, max_size=2),
    st.integers(0, 60_000),
    st.integers(0, 2**20),
)
@settings(max_examples=60, deadline=None)
def test_frozen_activations_are_the_same_kept_or_computed_each_time(architecture, head, shares, limit, seed):
    """And where there is room for some of the layers only. What no free neuron reads does not matter."""
    block = block_after(architecture, head, shares, seed)
    x = torch.rand(40, architecture.inputs, generator=torch.Generator().manual_seed(seed))
    rows = torch.randint(40, (3, 1, 16), generator=torch.Generator().manual_seed(1))
    logits = []
    for room in (2**30, limit, 0):
        sources = Sources(block, x, room).at(rows)
        assert [tuple(source.shape[:3]) for source in sources] == [(3, 1, 16)] * len(sources)
        logits.append(block.forward([source[1, 0] for source in sources])[0])
    for each in logits:
        torch.testing.assert_close(each, block(x[rows[1, 0]]), rtol=1e-4, atol=1e-4)


@given(
    st.one_of(architectures(), convolutional()),
    st.sampled_from(["single", "multi"]),
    st.lists(st.floats(0, 0.3), min_size=2, max_size=3),
    st.sampled_from(PRUNINGS),
    st.integers(0, 2**20),
)
@settings(max_examples=35, deadline=None)
def test_training_later_tasks_leaves_earlier_answers_to_the_bit(architecture, head, thetas, gradual, seed):
    """With everything real: batches normalised by their own statistics, dropout, L1, shrinking and pruning."""
    generator = torch.Generator().manual_seed(seed)
    network, promised = initial(architecture, head), {}
    point = Hyperparameters((1e-3,) * len(architecture.weight_shapes), 1e-2, 0.0, batch_size=16, epochs=2, patience=2)
    point = replace(point, gradual=gradual)
    for number, theta in enumerate(thetas, start=1):
        parts = [
            Split(
                torch.rand(count, architecture.inputs, generator=generator),
                torch.randint(architecture.outputs_of(number), (count,), generator=generator),
            )
            for count in (49, 10, 20)  # 49: a last batch of one
        ]
        task = Task(number, *parts)
        with computing(1):
            candidates = clnp.fit_candidates(clnp.candidate_jobs(network, task, [point], seed))
            choice = clnp.choose_candidate(candidates, network, task.validation, Pruning(0.2, theta=theta))
            network, _ = clnp.prune_and_commit(network, candidates[0], choice)
        for earlier, (x, taken) in promised.items():
            assert check(network, earlier, x, taken.fingerprint, lambda taken=taken: taken.logits)[0] == taken[0]
        promised[number] = task.test.x, take(network, number, task.test.x)


def test_the_network_of_table_3_learns_two_tasks_and_forgets_nothing():
    """A few steps of the real thing: 2048 channels, BatchNorm, one shared output."""
    architecture, generator = ARCHITECTURES["table3-cnn"], torch.Generator().manual_seed(0)
    point = Hyperparameters((5e-5,) * 6, 1e-3, 0.0, batch_size=2, epochs=1, patience=1)
    network, promised = initial(architecture, "single"), None
    for number in (1, 2):
        parts = [
            Split(torch.rand(count, 3072, generator=generator), torch.randint(10, (count,), generator=generator))
            for count in (2, 1, 2)
        ]
        task = Task(number, *parts)
        with computing(architecture.threads):
            (left,) = train(clnp.candidate_jobs(network, task, [point], 0))
            kept = [np.arange(len(free)) % 2 == 0 for free in left.network.free]
        network = commit(network, left.network, kept)
        promised = promised or (task.test.x, take(network, 1, task.test.x))
        assert np.isfinite(left.accuracy)
    x, taken = promised
    assert check(network, 1, x, taken.fingerprint, lambda: taken.logits).fingerprint == taken.fingerprint
    assert [(owner == 1).sum() for owner in network.owners] == [64, 128, 256, 512, 1024]


def test_a_single_sample_that_is_to_be_normalised_is_named_as_the_cause(stream):
    task, layer = short(stream.task(1), 1), Dense("layer 1", 8, batch_norm=True)
    normalised = replace(network_of(8), hidden=(layer,))
    with (
        computing(1),
        pytest.raises(DataError, match=r"Task 1 has a single training image .*, and BatchNorm needs two"),
    ):
        train(clnp.candidate_jobs(initial(normalised, "single"), task, [SETTINGS], seed=0))
    with computing(1):
        train(clnp.candidate_jobs(initial(network_of(8), "single"), task, [SETTINGS], seed=0))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
def test_on_a_cuda_device_nothing_waits_for_it_inside_an_epoch(stream):
    task = stream.task(1).to(torch.device("cuda"))
    steps = -(-len(task.train) // SETTINGS.batch_size)
    pulses = iter(range(steps * SETTINGS.epochs))

    def pulse() -> None:
        """From the first to the last step of every epoch, torch raises if anything waits for the device."""
        step = next(pulses, 0) % steps
        torch.cuda.set_sync_debug_mode("error" if 0 < step < steps - 1 else "default")

    (candidate,) = clnp.fit_candidates(
        clnp.candidate_jobs(initial(network_of(400, 400), "single"), task, [SETTINGS], seed=0), pulse
    )
    assert candidate.network.head_weight.device.type == "cpu"
    assert candidate.curve.accuracy > 0.9
