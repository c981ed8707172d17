"""What a pair does together: its goal, its individual plan, and its meetings."""
