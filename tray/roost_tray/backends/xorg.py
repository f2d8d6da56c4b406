"""The last resort: a lamp in a system tray of the older kind, by pystray on bare X11.  It has no menu."""

from __future__ import annotations

import io
import os
import queue
import threading
from typing import Any

from .. import icons
from ..backend import Listener, Unavailable
from ..model import Capabilities, Rendered

_GROUND = (32, 34, 38)


class XorgBackend:
    """pystray's icon brings each call to its own thread and waits; so our calls come from one of their own."""

    capabilities = Capabilities(name="xorg", menu=False, tooltip_length=60, icon_sizes=(24, 32))

    def __init__(self, theme: icons.Theme = icons.Theme.ANY) -> None:
        self._theme = theme
        self._rendered = Rendered()
        self._jobs: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._running = False
        self._stopped = False

    def run(self, listener: Listener) -> None:
        """Have the lamp until `stop`.  Raises Unavailable."""
        os.environ["PYSTRAY_BACKEND"] = "xorg"
        try:
            import pystray

            icon = pystray.Icon("roost")
        except Exception as error:  # whatever the display does: pystray opens it as it is imported
            raise Unavailable(
                f"the screen cannot be used: {error}", "see whether DISPLAY is right"
            ) from error
        if self._stopped:
            return

        def work() -> None:
            self._draw(icon)
            icon.visible = True
            while self._jobs.get():
                self._draw(icon)
            icon.stop()

        listener.ready()
        icon.run(lambda _: threading.Thread(target=work, name="lamp", daemon=True).start())

    def show(self, rendered: Rendered) -> None:
        """Show this from now on."""
        self._rendered = rendered
        self._jobs.put(True)

    def notify(self, notice: object) -> None:
        """pystray has none here."""
        raise NotImplementedError("capabilities.notifications is False")

    def stop(self) -> None:
        """Have `run` return."""
        self._stopped = True
        self._jobs.put(False)

    def _draw(self, icon: Any) -> None:
        from PIL import Image

        rendered = self._rendered
        size = icons.SIZES[self._theme][-1]
        picture = Image.open(io.BytesIO(icons.png(rendered.state, self._theme, size)))
        lamp = Image.new("RGB", picture.size, _GROUND)  # bare X11 draws no transparency
        lamp.paste(picture, mask=picture.getchannel("A"))
        icon.icon = lamp
        icon.title = rendered.tooltip
