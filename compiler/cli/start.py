"""The entry point of the command: handles interruptions from before the first slow import to the exit."""

from __future__ import annotations

import sys

from ...errors import MissingError
from ...errors.absent import load_part
from .interrupt import Interruptions


def main() -> None:
    """Run the command line and end the process; an interruption at any point ends it with 130."""
    interruptions = Interruptions()
    try:
        interruptions.watch()
        # Imported here and not at the top: loading takes longest, and must be interruptible, too.
        app = load_part(".app", __package__)
        interruptions.clear = app.clear_all
        app.main()
    except MissingError as error:
        # What shows errors may be what is missing.
        sys.stderr.write(f"error: {error.message}\nhint: {error.hint}\n")
        raise SystemExit(error.exit_code) from None
    except BaseException:
        if interruptions.seen:
            interruptions.end()
        raise
    finally:
        interruptions.over()
