"""Every event can be written down and read again, also those in a shape that is no longer made."""

from typing import Any

import msgspec
import pytest

from domain.lead import LeadCaptured
from domain.upcasting import UPCASTS
from infra.store.codec import decode, encode

CAPTURED = LeadCaptured("website", company="Ärger & Söhne")


def test_an_event_is_stored_as_json_that_names_its_tag() -> None:
    raw = msgspec.json.decode(encode(CAPTURED))
    assert raw["type"] == "lead-captured"
    assert raw["source"] == "website"
    assert decode("lead-captured", encode(CAPTURED)) == CAPTURED


def arrived(raw: dict[str, Any]) -> dict[str, Any]:
    return {"type": "lead-registered", "origin": raw["where"]}


def registered(raw: dict[str, Any]) -> dict[str, Any]:
    return {"type": "lead-captured", "source": raw["origin"]}


def test_a_retired_shape_is_brought_to_the_present_one_step_by_step() -> None:
    upcasts = {"lead-arrived": arrived, "lead-registered": registered}
    oldest = b'{"type":"lead-arrived","where":"fair"}'
    assert decode("lead-arrived", oldest, upcasts) == LeadCaptured("fair")
    assert decode("lead-registered", b'{"type":"lead-registered","origin":"fair"}', upcasts) == LeadCaptured("fair")
    assert decode("lead-captured", encode(CAPTURED), upcasts) == CAPTURED


def test_upcasts_in_a_circle_are_found_out() -> None:
    with pytest.raises(RuntimeError, match="circle"):
        decode("lead-a", b'{"type":"lead-a"}', {"lead-a": lambda raw: raw})


def test_an_unknown_tag_is_not_guessed_at() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode("lead-vanished", b'{"type":"lead-vanished"}')


def test_no_living_tag_is_retired() -> None:
    for tag in UPCASTS:
        with pytest.raises(msgspec.ValidationError):
            decode(tag, msgspec.json.encode({"type": tag}), {})
