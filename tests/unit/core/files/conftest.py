from factories.tenants import tenant

__all__ = ["tenant"]
