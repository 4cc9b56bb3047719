"""The record of Kafka itself: the platform's base, which each stack has."""

from typing import Final

from ..catalog.part import Part
from ..config.naming import CA_KEY_SECRET, CA_SECRET
from .doctor_user import DOCTOR, DOCTOR_USER
from .letters_user import GROUP_PREFIX, LETTERS, letters_user

KAFKA: Final = Part(
    key="kafka",
    title="Kafka",
    users=lambda platform: (DOCTOR_USER, letters_user(platform)),
    user_names=(DOCTOR, LETTERS),
    group_prefixes=(GROUP_PREFIX,),
    secrets=(CA_SECRET, CA_KEY_SECRET),
)
