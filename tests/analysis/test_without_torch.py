"""Who reads runs and draws figures need not wait until torch is imported."""

import subprocess
import sys

MODULES = ("analysis.figures", "analysis.anatomy", "runs.views.anatomy", "runs.views.reuse")


def test_reading_and_drawing_import_no_torch():
    program = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(f'clnp_core.{name}')\n"
        "    assert 'torch' not in sys.modules, name\n"
    )
    subprocess.run([sys.executable, "-c", program, *MODULES], check=True)
