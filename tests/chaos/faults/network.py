"""The network between the pods is cut, or loses packets."""

from __future__ import annotations

import time

from tests.chaos import node
from tests.chaos.load import Load
from tests.chaos.state import BROKERS
from tests.support.sandbox import Sandbox


def a_broker_is_cut_off(platform: Sandbox, load: Load) -> None:
    """No packet passes between one broker and the two others, for 60 s."""
    first, *others = (node.addresses(platform, name)[0] for name in BROKERS)
    both = [pair for other in others for pair in ((first, other), (other, first))]
    with node.dropped(platform, both):
        time.sleep(60)


def a_broker_is_cut_off_one_way(platform: Sandbox, load: Load) -> None:
    """One broker hears nothing of the two others, which hear it, for 60 s."""
    first, *others = (node.addresses(platform, name)[0] for name in BROKERS)
    with node.dropped(platform, [(other, first) for other in others]):
        time.sleep(60)


def packets_are_lost(platform: Sandbox, load: Load) -> None:
    """The network between the pods loses 5 % of all packets, for 90 s."""
    with node.lossy(platform, 0.05):
        time.sleep(90)
