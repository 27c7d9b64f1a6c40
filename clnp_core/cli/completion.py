"""Completes command lines in a shell: `clnp completion`."""

from __future__ import annotations

import argparse
import os
from typing import Any

from clnp_core.cli.options import Help, examples

_SHELLS = ("bash", "zsh", "fish")


def add_to(commands: Any) -> None:
    """Add the commands of this module."""
    example = (
        'eval "$(clnp completion bash)"       # in ~/.bashrc',
        'eval "$(clnp completion zsh)"        # in ~/.zshrc, after compinit',
        "clnp completion fish | source        # in ~/.config/fish/config.fish",
    )
    shell = commands.add_parser(
        "completion",
        help="print what makes a shell complete commands, options and ids of runs",
        description=_completion.__doc__,
        epilog=examples(*example),
        formatter_class=Help,
    )
    shell.add_argument("shell", choices=_SHELLS)
    shell.set_defaults(command=_completion)


def _completion(options: argparse.Namespace) -> int:
    """Print the code with which a shell completes commands, options, presets and the ids of runs."""
    from argcomplete.shell_integration import shellcode

    print(shellcode(["clnp"], shell=options.shell))
    return 0


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks how a command line may go on, and end; return if none asks."""
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser)
