"""Avalanche's side of `benchmarks.avalanche`, run in Avalanche's environment: trains a network for each line it reads.

A line is a number of epochs. Arguments: folder of MNIST, threads, learning rate, batch size. Prints the seconds of each
training and the network's accuracy on the test images, a line each.
"""

import sys
import time

import torch

from clnp_core.tasks.torchvision_import import torchvision_datasets

torchvision_datasets()  # before Avalanche imports torchvision

from avalanche.benchmarks.classic import PermutedMNIST  # noqa: E402
from avalanche.training.plugins import EvaluationPlugin  # noqa: E402
from avalanche.training.supervised import Naive  # noqa: E402


def main(folder: str, threads: str, learning_rate: str, batch_size: str) -> None:
    torch.set_num_threads(int(threads))
    answers, sys.stdout = sys.stdout, sys.stderr  # what Avalanche prints is not an answer
    stream = PermutedMNIST(n_experiences=1, seed=0, dataset_root=folder)
    for epochs in sys.stdin:
        model = torch.nn.Sequential(
            torch.nn.Flatten(),
            torch.nn.Linear(784, 2000),
            torch.nn.ReLU(),
            torch.nn.Linear(2000, 2000),
            torch.nn.ReLU(),
            torch.nn.Linear(2000, 10),
        )
        strategy = Naive(
            model=model,
            optimizer=torch.optim.Adam(model.parameters(), lr=float(learning_rate)),
            criterion=torch.nn.CrossEntropyLoss(),
            train_mb_size=int(batch_size),
            train_epochs=int(epochs),
            evaluator=EvaluationPlugin(),
        )
        start = time.perf_counter()
        strategy.train(stream.train_stream[0])
        seconds = time.perf_counter() - start
        print(seconds, _accuracy(model, stream.test_stream[0].dataset), file=answers, flush=True)


def _accuracy(model: torch.nn.Module, test: torch.utils.data.Dataset) -> float:
    right = 0
    with torch.no_grad():
        for images, labels, *_ in torch.utils.data.DataLoader(test, 1000):
            right += int((model(images).argmax(1) == labels).sum())
    return right / len(test)


if __name__ == "__main__":
    main(*sys.argv[1:])
