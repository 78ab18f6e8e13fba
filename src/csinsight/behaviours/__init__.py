"""What agents' words show: lexicons, markers, opportunities, conversations and KPIs."""
