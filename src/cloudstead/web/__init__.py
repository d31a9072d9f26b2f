"""HTTP itself, over Starlette: operation tables, dispatch, decoding, OpenAPI; knows no dialect and no feature."""
