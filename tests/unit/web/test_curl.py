from __future__ import annotations

from cloudstead.web.curl import command, command_with

DOCUMENT = {
    "components": {
        "schemas": {"Item": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}},
        "securitySchemes": {"shop": {"type": "http", "scheme": "bearer"}, "aws": {"type": "apiKey"}},
    }
}


def operation(*, by: str | None = "shop", media_type: str | None = None, schema: object = None) -> dict[str, object]:
    body = {} if media_type is None else {"requestBody": {"content": {media_type: {"schema": schema}}}}
    return {"security": [] if by is None else [{by: []}], **body}


def test_an_operation_is_a_line_with_the_credential():
    line = command("get", "/items/{item_id}", operation=operation(), document=DOCUMENT)
    assert line == 'curl -s "$CLOUD/items/ITEM_ID" -H "Authorization: Bearer $KEY"'


def test_an_open_operation_has_no_credential():
    assert command("get", "/door", operation=operation(by=None), document=DOCUMENT) == 'curl -s "$CLOUD/door"'


def test_an_operation_by_another_credential_is_no_line():
    assert command("get", "/door", operation=operation(by="aws"), document=DOCUMENT) is None


def test_a_body_is_sent_with_what_it_needs():
    schema = {"$ref": "#/components/schemas/Item"}
    putting = operation(by=None, media_type="application/json", schema=schema)
    line = """curl -s -X PUT "$CLOUD/items" -d '{"name": "..."}'"""
    assert command("put", "/items", operation=putting, document=DOCUMENT) == line


def test_files_are_sent_as_forms_or_as_they_are():
    form = operation(by=None, media_type="multipart/form-data", schema={"properties": {"image": {}}})
    assert command("post", "/pictures", operation=form, document=DOCUMENT) == 'curl -s "$CLOUD/pictures" -F image=@FILE'
    plain = operation(by=None, media_type="image/png", schema={"type": "string"})
    line = 'curl -s "$CLOUD/pictures" --data-binary @FILE'
    assert command("post", "/pictures", operation=plain, document=DOCUMENT) == line


def test_a_quote_stays_inside_of_its_line():
    line = command_with({"say": "it's"}, "post", path="/words", operation=operation(by=None), document=DOCUMENT)
    assert line == """curl -s "$CLOUD/words" -d '{"say": "it'\\''s"}'"""
