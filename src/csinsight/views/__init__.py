"""What each notebook shows: findings in words, pictures and tables, drawn from results only."""
