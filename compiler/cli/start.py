"""From the first line of the command to its end."""

from __future__ import annotations

from importlib import import_module

from .interrupt import Interruptions


def main() -> None:
    """Run the command line; ends the process: with 130 when it is interrupted, wherever that is."""
    interruptions = Interruptions()
    try:
        interruptions.watch()
        # By name and not at the top: an interruption while it is loaded, which takes longest, is one, too.
        app = import_module(".app", __package__)
        interruptions.clear = app.clear_all
        app.main()
    except BaseException:
        if interruptions.seen:
            interruptions.end()
        raise
    finally:
        interruptions.over()
