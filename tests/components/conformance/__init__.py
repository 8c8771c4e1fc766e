"""Every rule with every coupling and setting, against independent implementations."""
