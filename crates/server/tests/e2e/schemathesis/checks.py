"""What the API promises beyond its OpenAPI document."""

import schemathesis

# Clients guess the faulty field from these words in a message.
WORDS = {"phone": "phone", "e.164": "phone", "email": "email", "address": "address", "name": "name"}


def blamed(message):
    return {field for word, field in WORDS.items() if word in message.lower()}


def told_by_family(body):
    """The log-in's own error body, or that of RFC 6749 at the token endpoint."""
    if "error_description" in body:
        return
    assert body["code"] == body["responseCode"], "one word, twice"
    assert body["errorType"] in {"auth", "validation", "limit", "server"}, body["errorType"]


@schemathesis.check
def errors_mislead_nobody(ctx, response, case):
    """A message holds the word of a field only if that field is at fault."""
    if response.status_code < 400:
        return
    body = response.json()
    error = body["error"]
    if isinstance(error, str):
        told_by_family(body)
        return
    assert error["request_id"] == response.headers["x-request-id"][0], "the request's id"
    fields = error.get("fields", [])
    told = [(error["message"], fields[:1])] + [(field["message"], [field]) for field in fields]
    for message, at_fault in told:
        names = {field["pointer"].rsplit("/", 1)[-1] for field in at_fault}
        assert blamed(message) <= names, f"`{message}` makes clients blame {blamed(message)}"
