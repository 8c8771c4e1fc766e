"""Every rule × coupling × option against independent implementations."""
