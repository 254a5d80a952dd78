"""`completion`: the script a shell needs."""

from __future__ import annotations

import click

HOW = {
    "bash": "echo 'eval \"$(llm-router completion bash)\"' >> ~/.bashrc",
    "zsh": "echo 'eval \"$(llm-router completion zsh)\"' >> ~/.zshrc",
    "fish": "llm-router completion fish > ~/.config/fish/completions/llm-router.fish",
}


@click.command(epilog="For example: " + HOW["bash"])
@click.argument("shell", type=click.Choice(list(HOW)))
def completion(shell: str) -> None:
    """Print the completion script of a shell."""
    from click.shell_completion import get_completion_class

    from llm_router.cli.main import cli

    made = get_completion_class(shell)
    if made is None:  # pragma: no cover - click knows the three
        raise click.UsageError(f"no completion for {shell}")
    click.echo(made(cli, {}, "llm-router", "_LLM_ROUTER_COMPLETE").source())
