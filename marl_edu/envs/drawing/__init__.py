"""Pictures of environments, as SVG."""
