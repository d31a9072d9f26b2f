"""What each operation of ProvisionDevice does."""
