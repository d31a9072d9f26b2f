"""What each action does: one call into core, and the answer in the words of the wire."""
