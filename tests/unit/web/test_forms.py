"""Forms with files: what is in them, and that whatever is sent is read or refused."""

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstead.web.forms import MAX_PARTS, BodyNotForm, Part, form_parts

TYPE = "multipart/form-data; boundary=x"


def sent(**options):
    request = httpx2.Request("POST", "https://cloud.example", **options)
    return request.read(), request.headers["content-type"]


def test_a_form_of_a_common_client_is_read():
    content = bytes(range(256)) * 3 + b"\r\n--\r\r\n"
    body, content_type = sent(data={"note": "håndtak"}, files={"image": ("image.png", content, "image/png")})
    assert form_parts(body, content_type) == [
        Part("note", None, "håndtak".encode()),
        Part("image", "image.png", content),
    ]


@given(st.binary(max_size=300))
def test_any_content_comes_back_as_it_was_sent(content):
    body, content_type = sent(files={"image": ("a", content)})
    assert form_parts(body, content_type) == [Part("image", "a", content)]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", TYPE),
        (b"hello", TYPE),
        (b"--x\r\n", TYPE),
        (b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\nA', TYPE),
        (b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\nA\r\n--x', TYPE),
        (b"--x\r\ncontent-disposition: form-data\r\n\r\nA\r\n--x--", TYPE),
        (b"--x\r\n\r\nA\r\n--x--", TYPE),
        (b"--x\r\nno header\r\n\r\nA\r\n--x--", TYPE),
        (b"a=b", "application/x-www-form-urlencoded"),
        (b"--x--", "multipart/form-data"),
        (b"--x--", "multipart/form-data; boundary="),
        (b"--x--", "multipart/mixed; boundary=x"),
        (b"--x--", ""),
        (b"\x89PNG", "image/png"),
    ],
)
def test_what_is_no_whole_form_is_refused(body, content_type):
    with pytest.raises(BodyNotForm):
        form_parts(body, content_type)


def test_a_form_has_no_more_fields_than_anybody_needs():
    one = b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n\r\n'
    assert len(form_parts(one * MAX_PARTS + b"--x--", TYPE)) == MAX_PARTS
    with pytest.raises(BodyNotForm):
        form_parts(one * (MAX_PARTS + 1) + b"--x--", TYPE)


@given(st.binary(max_size=200), st.text(st.characters(max_codepoint=255), max_size=60))
def test_whatever_is_sent_is_read_or_refused(body, content_type):
    for kind in (content_type, f"multipart/form-data; boundary={content_type}", TYPE):
        for form in (body, b"--x\r\n" + body, b'--x\r\ncontent-disposition: form-data; name="a"\r\n' + body):
            try:
                form_parts(form, kind)
            except BodyNotForm:
                continue
