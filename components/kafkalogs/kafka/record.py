"""The record of Kafka itself: the platform's base, which each stack has."""

from typing import Final

from ..catalog.part import Part
from ..config.naming import CA_KEY_SECRET, CA_SECRET
from .doctor_user import DOCTOR, DOCTOR_USER

KAFKA: Final = Part(
    key="kafka",
    title="Kafka",
    users=lambda _: (DOCTOR_USER,),
    user_names=(DOCTOR,),
    secrets=(CA_SECRET, CA_KEY_SECRET),
)
