"""What everything stands on: pure functions, files, and the interfaces of environments and
policies."""
