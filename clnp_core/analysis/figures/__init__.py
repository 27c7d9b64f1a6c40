"""Figures as pure functions from tidy data to Plotly figures, for the dashboard and the notebooks alike.

Backgrounds are transparent; `theme`, "light" or "dark", sets the colours for the background underneath. Accuracies are
given as fractions and drawn in per cent. A task has the same colour in all figures of a theme. `for_paper` turns a
figure into one for print, and `save` writes it to a file. Imports no torch.

>>> figures.save(figures.for_paper(figures.capacity(layers), columns=1), "fig3.pdf")  # doctest: +SKIP
"""

from clnp_core.analysis.export import save
from clnp_core.analysis.figures.accuracies import accuracy_matrix, accuracy_over_tasks, mean_accuracy
from clnp_core.analysis.figures.base import ACTIVE, FREE, INK, INTERFERENCE, Theme, in_light, task_colour
from clnp_core.analysis.figures.classes import accuracy_by_class, confusion_matrix
from clnp_core.analysis.figures.examples import EXAMPLES_IN_A_ROW, class_probabilities, example_wall
from clnp_core.analysis.figures.graph import partition_graph
from clnp_core.analysis.figures.importance import weight_importance
from clnp_core.analysis.figures.layers import capacity, planned_capacity, used_capacity
from clnp_core.analysis.figures.lesson.forgetting import (
    accuracy_on_first,
    answers_compared,
    bets_on_first,
    between_tasks,
    permuted_images,
)
from clnp_core.analysis.figures.lesson.room import filling, neurons_needed, partition_sketch, shrinking
from clnp_core.analysis.figures.methods import accuracy_and_memory, accuracy_by_task, mean_accuracies
from clnp_core.analysis.figures.neuron import looks_at, neuron_activity
from clnp_core.analysis.figures.paper import for_paper
from clnp_core.analysis.figures.reuse import neurons_in_use, reuse_by_layer, reuse_matrix, transfer
from clnp_core.analysis.figures.settings import parallel_coordinates, setting_importance
from clnp_core.analysis.figures.sketch import network
from clnp_core.analysis.figures.sweeps import sweep
from clnp_core.analysis.figures.tradeoff import activities, trade_off
from clnp_core.analysis.figures.training import learning_curves, training_speed
from clnp_core.analysis.figures.weights import weight_classes

__all__ = [
    "ACTIVE",
    "EXAMPLES_IN_A_ROW",
    "FREE",
    "INK",
    "INTERFERENCE",
    "Theme",
    "accuracy_and_memory",
    "accuracy_by_class",
    "accuracy_by_task",
    "accuracy_matrix",
    "accuracy_on_first",
    "accuracy_over_tasks",
    "activities",
    "answers_compared",
    "bets_on_first",
    "between_tasks",
    "capacity",
    "class_probabilities",
    "confusion_matrix",
    "example_wall",
    "filling",
    "for_paper",
    "in_light",
    "learning_curves",
    "looks_at",
    "mean_accuracies",
    "mean_accuracy",
    "network",
    "neuron_activity",
    "neurons_in_use",
    "neurons_needed",
    "parallel_coordinates",
    "partition_graph",
    "partition_sketch",
    "permuted_images",
    "planned_capacity",
    "reuse_by_layer",
    "reuse_matrix",
    "save",
    "setting_importance",
    "shrinking",
    "sweep",
    "task_colour",
    "trade_off",
    "training_speed",
    "transfer",
    "used_capacity",
    "weight_classes",
    "weight_importance",
]
