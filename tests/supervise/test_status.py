"""What people see of a component, and what is kept of it."""

from __future__ import annotations

from roost.core.model import Spec
from roost.core.secrets import Masker
from roost.core.states import Component
from roost.platform.paths import ProjectPaths
from roost.supervise.status import StatusView
from support.virtual_loop import VirtualClock, run_virtual


def test_a_status_is_rendered_once_for_each_record_and_forgotten_with_its_component() -> None:
    """A thousand components that nobody knows any more take no room."""

    async def scenario() -> None:
        rendered: list[str] = []

        def resolved(spec: Spec) -> Spec:
            rendered.append(spec.name)
            return spec

        masker = Masker([], ())
        view = StatusView(
            ProjectPaths("/p", "/p/.roost", "/run"),
            VirtualClock(),
            lambda: masker,
            resolved,
            lambda _name: None,
            lambda _name, _run: [],
        )
        web = Component(spec=Spec(name="web"))
        for _ in range(3):
            assert view.component(web, None).name == "web"
        assert rendered == ["web"]
        view.prune(["web", "db"], {"web": web})
        view.component(web, None)
        assert rendered == ["web"], "what is still known is kept"
        view.prune(["web"], {})
        view.component(web, None)
        assert rendered == ["web", "web"]

    run_virtual(scenario())
