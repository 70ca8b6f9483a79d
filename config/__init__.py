"""What belongs to no app: settings, signing in, roles, and what a server tells of itself."""
