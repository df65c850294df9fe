"""The entry point of the command: handles interruptions from before the first slow import to the exit."""

from __future__ import annotations

from importlib import import_module

from .interrupt import Interruptions


def main() -> None:
    """Run the command line and end the process; an interruption at any point ends it with 130."""
    interruptions = Interruptions()
    try:
        interruptions.watch()
        # Imported here and not at the top: loading takes longest, and must be interruptible, too.
        app = import_module(".app", __package__)
        interruptions.clear = app.clear_all
        app.main()
    except BaseException:
        if interruptions.seen:
            interruptions.end()
        raise
    finally:
        interruptions.over()
