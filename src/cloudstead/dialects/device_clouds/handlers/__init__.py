"""What the operations do: one core call each."""
