"""What people type: read strictly, refused in words of the desk. Forms write nothing."""
