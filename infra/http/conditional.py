"""Conditional reads: an answer that the caller has already is not sent again."""

from infra.http.operations import Call, Reply


def not_modified(call: Call, tag: str) -> Reply | None:
    """The answer 304 where the caller has what a tag names."""
    given = call.conditions.get("if-none-match", "")
    if tag in (each.strip().removeprefix("W/") for each in given.split(",")):
        return Reply(status=304, headers={"etag": tag, "cache-control": "private, no-cache"})
    return None
