"""The Elasticsearch query language: DSL to typed query, typed query to SQL, and the response shape back."""
