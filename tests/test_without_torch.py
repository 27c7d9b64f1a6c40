"""Who asks for runs, serves or reads them and draws figures need not wait until torch is imported."""

import subprocess
import sys

MODULES = (
    *("cli", "terminal", "runs.spec.stream", "runs.handle", "runs.background", "runs.sweep", "runs.engine.service"),
    *("methods.graceful", "networks.partition", "analysis.metrics", "analysis.figures", "analysis.anatomy"),
    *("runs.views.anatomy", "runs.views.reuse"),
)


def test_asking_serving_reading_and_drawing_import_no_torch():
    program = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(f'clnp_core.{name}')\n"
        "    assert 'torch' not in sys.modules, name\n"
    )
    subprocess.run([sys.executable, "-c", program, *MODULES], check=True)
