"""Nothing but words."""
